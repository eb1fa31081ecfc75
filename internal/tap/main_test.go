package tap

import (
	"encoding/binary"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

func TestMain(m *testing.M) { proctest.Main(m) }

// message says its number in each word, so that half of it is seen to be half.
type message [8]uint64

func numbered(n uint64) (m message) {
	for i := range m {
		m[i] = n*0x9e3779b97f4a7c15 + uint64(i)
	}
	return m
}

// number returns that of a message, and whether it is whole.
func number(data []byte) (n uint64, whole bool) {
	const inverse = 0xf1de83e19937733d // of the factor of numbered
	if len(data) == 0 || len(data)%8 != 0 {
		return 0, false
	}
	first := binary.NativeEndian.Uint64(data)
	for i := range len(data) / 8 {
		if binary.NativeEndian.Uint64(data[i*8:]) != first+uint64(i) {
			return 0, false
		}
	}
	return first * inverse, true
}

// text returns message n of a ring of bytes, of so many words.
func text(n uint64, words int) (b []byte) {
	for i := range words {
		b = binary.NativeEndian.AppendUint64(b, n*0x9e3779b97f4a7c15+uint64(i))
	}
	return b
}

const object = "ring"

// ends are both ends of a ring whose messages are numbers.
type ends struct {
	push  func(n uint64) error
	pop   func() (uint64, error)
	close func() error
}

// kind makes rings of a kind, with messages of 64 bytes.
type kind struct {
	name string
	room uint64 // what a message takes, in the unit of the positions
	unit uint64 // what one position counts
	// popped says that what was popped can be seen, until it is overwritten.
	popped bool
	open   func(t proctest.Fataler, s *shm.Segment, capacity int) ends
}

var kinds = []kind{
	{"spsc", 1, 1, inOrder, func(t proctest.Fataler, s *shm.Segment, capacity int) ends {
		q := proctest.Must(ring.NewSPSC[message](s, object, capacity))(t)
		return roles(t, q.Producer, q.Consumer)
	}},
	{"broadcast", 1, 1, true, func(t proctest.Fataler, s *shm.Segment, capacity int) ends {
		q := proctest.Must(ring.NewBroadcast[message](s, object, capacity))(t)
		p := lazily(t, q.Producer)
		pop := func() (uint64, error) { return 0, nil }
		return ends{func(n uint64) error { return p().TryPush(numbered(n)) }, pop, func() error { return p().Close() }}
	}},
	{"mpmc", 1, 1, false, func(t proctest.Fataler, s *shm.Segment, capacity int) ends {
		q := proctest.Must(ring.NewMPMC[message](s, object, capacity))(t)
		return ends{
			func(n uint64) error { return q.TryPush(numbered(n)) },
			func() (uint64, error) { return numberOf(q.TryPop()) }, q.Close,
		}
	}},
	{"bytes", 72, 1, false, func(t proctest.Fataler, s *shm.Segment, capacity int) ends {
		q := proctest.Must(ring.NewBytes(s, object, capacity*128))(t)
		p, c := lazily(t, q.Producer), lazily(t, q.Consumer)
		return ends{
			func(n uint64) error { return p().TryPush(text(n, 8)) },
			func() (uint64, error) { return numberIn(c().TryPop(nil)) }, func() error { return p().Close() },
		}
	}},
	{"bytesmpmc", 1, 64, false, func(t proctest.Fataler, s *shm.Segment, capacity int) ends {
		q := proctest.Must(ring.NewBytesMPMC(s, object, capacity*64))(t)
		return ends{
			func(n uint64) error { return q.TryPush(text(n, 8)) },
			func() (uint64, error) { return numberIn(q.TryPop(nil)) }, q.Close,
		}
	}},
}

func roles(t proctest.Fataler, producer func() (*ring.Producer[message], error), consumer func() (*ring.Consumer[message], error)) ends {
	p, c := lazily(t, producer), lazily(t, consumer)
	return ends{
		func(n uint64) error { return p().TryPush(numbered(n)) },
		func() (uint64, error) { return numberOf(c().TryPop()) }, func() error { return p().Close() },
	}
}

// lazily claims a role when it is used.
func lazily[T any](t proctest.Fataler, claim func() (T, error)) func() T {
	var role T
	var have bool
	return func() T {
		if !have {
			role, have = proctest.Must(claim())(t), true
		}
		return role
	}
}

func numberOf(m message, err error) (uint64, error) {
	var b []byte
	for _, w := range m {
		b = binary.NativeEndian.AppendUint64(b, w)
	}
	return numberIn(b, err)
}

func numberIn(b []byte, err error) (uint64, error) {
	n, whole := number(b)
	if err == nil && !whole {
		err = layout.ErrCorrupt
	}
	return n, err
}

// tapped calls f with a tap on the ring.
func tapped(t *testing.T, opts Options, f func(*Tap)) {
	t.Helper()
	err := segment.Look(shared.Name, nil, func(v segment.View) error {
		tap, err := open(v, object, opts)
		if err == nil {
			f(tap)
		}
		return err
	})
	proctest.Check(t, err)
}

// during calls f when the next message was copied, and is not known to be whole yet.
func during(t *testing.T, f func()) {
	copied = func() {
		copied = nil
		f()
	}
	t.Cleanup(func() { copied = nil })
}
