package shm_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

const hammerings = 30_000

// hammer changes element i in all ways, always knowing what must be in it.
func hammer[T shm.Integer](c *proctest.Child, a *shm.Array[T], i int) {
	x := a.Load(i)
	is := func(what string, got, want T) {
		if got != want {
			c.Fatalf("%T: %s at element %d met %v, expected %v", x, what, i, got, want)
		}
	}
	for n := range hammerings {
		is("Load", a.Load(i), x)
		next := x*3 + T(n)
		switch n % 4 {
		case 0:
			a.Store(i, next)
		case 1:
			is("SwapAt", shm.SwapAt(a, i, next), x)
		case 2:
			if !shm.CompareAndSwapAt(a, i, x, next) {
				c.Fatalf("%T: CompareAndSwapAt met another value than %v in element %d", x, x, i)
			}
		case 3:
			is("AddAt", shm.AddAt(a, i, next-x), next)
		}
		x = next
	}
}

var _ = proctest.Register("hammer", func(c *proctest.Child) {
	seg := shared.Open(c)
	defer seg.Close()
	i, err := strconv.Atoi(c.Arg(0))
	c.Check(err)
	bytes := newArray[uint8](c, seg, "bytes", 8)
	halves := newArray[int16](c, seg, "halves", 8)
	words := newArray[uint32](c, seg, "words", 8)
	doubles := newArray[int64](c, seg, "doubles", 8)
	turns := newArray[int32](c, seg, "turns", 2)
	for round, f := range []func(){
		func() { hammer(c, bytes, i) },
		func() { hammer(c, halves, i) },
		func() { hammer(c, words, i) },
		func() { hammer(c, doubles, i) },
	} {
		// Both begin each round together.
		turns.Store(i%2, int32(round+1))
		for turns.Load(1-i%2) <= int32(round) {
		}
		f()
	}
})

// TestNeighbours has two processes change adjacent elements, which lie in one
// word if they are small: neither sees anything of the other.
func TestNeighbours(t *testing.T) {
	for i := range 2 {
		t.Run(fmt.Sprint(i+1, "-", i+2), func(t *testing.T) {
			s := shared.Named(t)
			p, q := s.Start(t, "hammer", strconv.Itoa(i+1)), s.Start(t, "hammer", strconv.Itoa(i+2))
			p.Wait()
			q.Wait()
			for j, x := range newArray[uint8](t, s.Segment, "bytes", 8).All() {
				if (j < i+1 || j > i+2) && x != 0 {
					t.Errorf("byte %d, which nobody touches, is %d", j, x)
				}
			}
		})
	}
}

var _ = proctest.Register("element adder", func(c *proctest.Child) {
	seg := shared.Open(c)
	defer seg.Close()
	bytes, words := newArray[uint8](c, seg, "bytes", 2), newArray[int64](c, seg, "words", 2)
	for range hammerings {
		shm.AddAt(bytes, 1, 1)
		shm.AddAt(words, 1, -1)
	}
})

// TestAddAtTogether loses no AddAt of several processes to one element.
func TestAddAtTogether(t *testing.T) {
	s := shared.Named(t)
	procs := s.StartAll(t, 3, "element adder")
	for _, p := range procs {
		p.Wait()
	}
	total := len(procs) * hammerings
	if got := newArray[uint8](t, s.Segment, "bytes", 2).Load(1); got != uint8(total) {
		t.Errorf("the byte is %d, expected %d", got, uint8(total))
	}
	if got := newArray[int64](t, s.Segment, "words", 2).Load(1); got != int64(-total) {
		t.Errorf("the word is %d, expected %d", got, -total)
	}
}
