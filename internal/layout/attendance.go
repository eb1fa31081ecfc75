package layout

import "sync/atomic"

// An attendance record says for each directory entry, and each side of the object, which
// slots of the process table attend it. It is an array of 64-bit words:
//
//	word 3×k + side:  bits 0-62  slots 63×k to 63×k + 62
//	                  bit 63     one that attended has died, and its slot was taken
//
// Any of a side's words may say that somebody has died. So the bit of a slot becomes
// the mark of a death in one step. See package segment for who changes what.

// Side is one way to attend an object.
type Side int

// The sides of an object. Whoever has a handle is a User.
const (
	User Side = iota
	Producer
	Consumer

	sides
)

const (
	// AttendSlots is how many slots one word of attendance is about.
	AttendSlots = 63
	// AttendDied is its mark of a death.
	AttendDied = 1 << AttendSlots
)

// AttendWords returns how many words each side has.
func (g Geometry) AttendWords() int { return attendWords(g.MaxProcs) }

// Attendance returns word k of a side of the record of directory entry i.
func (g Geometry) Attendance(mem []byte, i int, side Side, k int) *atomic.Uint64 {
	return At[atomic.Uint64](mem, uint64(g.AttendOff+i*attendSize(g.MaxProcs)+(k*int(sides)+int(side))*8))
}

// Desert clears the record of directory entry i.
func (g Geometry) Desert(mem []byte, i int) {
	for k := range g.AttendWords() {
		for side := range sides {
			g.Attendance(mem, i, side, k).Store(0)
		}
	}
}

func attendWords(procs int) int { return (procs + AttendSlots - 1) / AttendSlots }

func attendSize(procs int) int { return int(sides) * attendWords(procs) * 8 }
