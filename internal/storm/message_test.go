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
	maxLength = 2500 // long enough for a BytesMPMC to round up what it takes
)

// length returns how long the bytes that stand for id are. Most are short.
func (l *ledger) length(id uint64) int {
	x := mix(id)
	return minLength + int(x%min(1<<(3+x>>60), l.longest-minLength+1))
}

// appendMessage appends the bytes that stand for id.
func (l *ledger) appendMessage(b []byte, id uint64) []byte {
	n := l.length(id)
	b = binary.LittleEndian.AppendUint64(b, id)
	for end := len(b) - minLength + n; len(b) < end; {
		word := binary.LittleEndian.AppendUint64(nil, mix(id+uint64(end-len(b))))
		b = append(b, word[:min(len(word), end-len(b))]...)
	}
	return b
}

// parseMessage returns the id that b stands for.
func (l *ledger) parseMessage(b []byte) (id uint64, whole bool) {
	id, n := l.firstMessage(b)
	return id, n > 0 && n == len(b)
}

// firstMessage returns the message that b begins with, and its length.
func (l *ledger) firstMessage(b []byte) (id uint64, n int) {
	if len(b) < minLength {
		return 0, 0
	}
	id = binary.LittleEndian.Uint64(b)
	var want [maxLength]byte
	if n = l.length(id); n > len(b) || string(b[:n]) != string(l.appendMessage(want[:0], id)) {
		return 0, 0
	}
	return id, n
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
