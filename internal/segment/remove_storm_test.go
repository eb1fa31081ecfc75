package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

// remover attaches again and again, uses objects of a few names, each of which says its
// name, and removes them.
var _ = proctest.Register("remover", func(c *proctest.Child) {
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range proctest.Scaled(150) {
				removeSome(c)
			}
		})
	}
	wg.Wait()
	c.Send("done")
})

const removedNames = 4

func removeSome(t proctest.Fataler) {
	s, err := Open("s", nil)
	proctest.Check(t, err)
	defer s.Close()
	var mine []Object
	for range 3 {
		n := rand.Uint64N(removedNames) + 1
		if rand.IntN(2) == 0 {
			err := s.RemoveObject(fmt.Sprint(n))
			if err != nil && !errors.Is(err, ErrInUse) && !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("%v", err)
			}
		}
		spec := locked(fmt.Sprint(n), 64*(n%2+1))
		spec.Init = func(mem []byte) { binary.NativeEndian.PutUint64(mem, n) }
		spec.Capacity = n
		o, err := s.Object(spec)
		proctest.Check(t, err)
		mine = append(mine, Object{Mem: o.Mem, Off: n})
		for _, o := range mine {
			if got := binary.NativeEndian.Uint64(o.Mem); got != o.Off {
				t.Fatalf("object %d has become object %d", o.Off, got)
			}
		}
	}
}

// TestRemoveStorm has processes remove what others use.
func TestRemoveStorm(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", &Options{MaxObjects: 2 * removedNames})
	var all []*proctest.Proc
	for range 3 {
		all = append(all, proctest.Start(t, "remover"))
	}
	all[0].Kill()
	for _, p := range all[1:] {
		p.Expect("done")
		p.Wait()
	}
	for n := range removedNames {
		if err := s.RemoveObject(fmt.Sprint(n + 1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	}
	if n := len(s.dir.places); len(s.dir.vacant) != n || n > removedNames {
		t.Errorf("%d entries, %d are vacant", n, len(s.dir.vacant))
	}
}
