package hostile

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/segment"
)

// A program says what is done to a segment, and what with it. Any bytes are one:
//
//	0  the number of the world
//	1  the part of the segment that is spoilt. If that is an object, only its
//	   operations are run, and nothing else may change
//	2  whether it is spoilt while the operations run as well, or only before
//	   each of them
//	3  the steps, of 4 bytes
type program struct {
	world int
	part  byte
	storm bool
	steps []step
}

// A step is a patch if the upper bit of its first byte is 0, else an operation.
type step [4]byte

const (
	maxSteps  = 24
	stepBytes = len(step{})
	headBytes = 3
)

func parse(data []byte) program {
	var head [headBytes]byte
	n := copy(head[:], data)
	p := program{world: int(head[0]) % len(kinds), part: head[1], storm: head[2]%8 == 7}
	for rest := data[n:]; len(rest) >= stepBytes && len(p.steps) < maxSteps; rest = rest[stepBytes:] {
		p.steps = append(p.steps, step(rest))
	}
	return p
}

func (s step) isPatch() bool { return s[0] < 0x80 }

// operation picks one of those that there are.
func (s step) operation(of []operation) operation { return of[int(s[1])%len(of)] }

// kind picks a kind of object, or the segment itself.
func (s step) kind() string {
	if n := int(s[2]) % (len(kinds) + 1); n < len(kinds) {
		return kinds[n]
	}
	return "segment"
}

// apply patches the part of the segment in mem. It writes words that look like
// what the protocols write.
func (s step) apply(mem []byte, part part, ids [4]uint64) {
	size := part.end - part.off
	if part.name == "pipe" {
		size = pipeWords
	}
	off := part.off + int(binary.LittleEndian.Uint16(s[1:]))%size
	arg := uint64(s[3])
	switch s[0] & 7 {
	case 0:
		mem[off] = byte(arg)
	case 1, 2, 3:
		off &^= 3
		word := mem[off : off+4]
		binary.NativeEndian.PutUint32(word, uint32(value(s[0]>>3, arg, uint64(binary.NativeEndian.Uint32(word)), ids)))
	default:
		off &^= 7
		word := mem[off : off+8]
		binary.NativeEndian.PutUint64(word, value(s[0]>>3, arg, binary.NativeEndian.Uint64(word), ids))
	}
}

// value makes a word of an argument, of what the word was, and of the ids of
// this process, of a living and a dead one, and of nobody.
func value(kind byte, arg, old uint64, ids [4]uint64) uint64 {
	id := ids[arg&3]
	switch kind {
	case 0:
		return arg
	case 1:
		return ^uint64(0) >> (arg & 63)
	case 2:
		return 1 << (arg & 63)
	case 3:
		return -arg
	case 4:
		return id | arg>>2&1<<63 // a lock, a role, a line of a semaphore
	case 5:
		return arg>>5<<53 | arg&7<<42 | arg // hungry waiters
	case 6:
		return arg >> 2 & 7 // permits
	case 7:
		return old&(1<<53-1) | arg>>2&7<<53 // a semaphore in change
	case 8:
		return arg<<11 | arg>>4&7
	case 9, 10:
		run := arg >> 4
		return old>>3<<50 | run&(1<<9-1)<<41 | id<<3 | 4 + arg>>2%3 // a claimed slot
	case 11:
		return old&^7 | arg&7
	case 12:
		return 1<<63 | arg>>1 | arg&1<<62 // a header of bytes
	case 13:
		return old + arg
	case 14:
		return old - arg
	default:
		return arg * 0x9e3779b97f4a7c15
	}
}

// ids are those that value wants.
func (w *world) ids() [4]uint64 {
	return [4]uint64{uint64(segment.Of(w.seg).ID()), uint64(segment.Of(w.maker).ID()), uint64(w.dead), 1<<38 - 1}
}

// play runs a program. Its error says what has happened that must not.
func (w *world) play(p program) error {
	part := w.parts[int(p.part)%len(w.parts)]
	ids := w.ids()
	w.claim(part.name)
	if p.storm {
		w.storm.begin(w.mem, part, ids, p.steps)
	}
	for i, s := range p.steps {
		if s.isPatch() {
			s.apply(w.mem, part, ids)
			continue
		}
		name := part.name
		if name == "" {
			name = s.kind()
		}
		op := s.operation(operations[name])
		if op.endless && s[3]%4 != 0 {
			continue // they take most of the time
		}
		if err := w.run(name, op, s[3]); err != nil {
			w.storm.end()
			return fmt.Errorf("step %d, %s of %s in %+v: %w", i, op.name, name, p, err)
		}
	}
	w.storm.end()
	return w.restore(part)
}

const offSeen = 56 // in a slot of the process table, see internal/liveness

// restore makes the segment what it was. If only one object was used, it reports
// an error if anything else has changed.
func (w *world) restore(used part) error {
	if used.name == "work" { // its dead letters go there
		for _, p := range w.parts {
			if p.name == "letters" {
				copy(w.mem[p.off:p.end], w.image[p.off:p.end])
			}
		}
	}
	after := bytes.Clone(w.mem)
	for slot := range maxProcs { // who waits notes whom it has seen alive
		seen := layout.TableOff + slot*layout.SlotSize + offSeen
		copy(after[seen:seen+8], w.image[seen:])
	}
	strayed := used.name != "" &&
		(!bytes.Equal(after[:used.off], w.image[:used.off]) || !bytes.Equal(after[used.end:], w.image[used.end:]))
	copy(w.mem, w.image)
	if strayed {
		return fmt.Errorf("operations on %s have changed something else", used.name)
	}
	return nil
}
