package storm

import "encoding/binary"

// A message says who has pushed it, and as which of its messages; the other
// words follow from that, so that a message made of two is seen.
type message [4]uint64

func identify(r ringID, source, seq uint64) uint64 {
	return uint64(newEntry(r, source, seq, 1))
}

// mix spreads the bits of x (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func newMessage(id uint64) (m message) {
	for i := range m {
		m[i] = mix(id + uint64(i))
	}
	m[0] = id
	return m
}

func (m message) whole() bool { return m == newMessage(m[0]) }

// garbage is what is written and never published. It is not whole.
var garbage = message{1, 2, 3, 4}

const (
	minLength = 8
	maxLength = 200
)

// appendMessage appends the bytes that stand for id. Their number follows from it.
func appendMessage(b []byte, id uint64) []byte {
	n := minLength + int(mix(id)%(maxLength-minLength+1))
	b = binary.LittleEndian.AppendUint64(b, id)
	for i := minLength; i < n; i++ {
		b = append(b, byte(mix(id+uint64(i/8))>>(i%8*8)))
	}
	return b
}

// parseMessage returns the id that b stands for.
func parseMessage(b []byte) (id uint64, whole bool) {
	if len(b) < minLength {
		return 0, false
	}
	var want [maxLength]byte
	id = binary.LittleEndian.Uint64(b)
	return id, string(b) == string(appendMessage(want[:0], id))
}

// wide is a value that is too large for one word. The others follow from the first.
type wide [40]uint64

func newWide(x uint64) (w wide) {
	for i := range w {
		w[i] = mix(x + uint64(i))
	}
	w[0] = x
	return w
}

// whole also takes the zero value for whole, which nobody has stored yet.
func (w wide) whole() bool { return w == wide{} || w == newWide(w[0]) }
