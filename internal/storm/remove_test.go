package storm

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// Some objects are removed and made anew all the time. They are arrays of all lengths, so
// that one gets the room of another. The first user of a new one marks it, with a number
// higher than those of all before it.
const removables = 2

func removable(i int) string { return fmt.Sprint("removable ", i) }

// useRemovable uses one, on an attachment of its own, and sees that it stays what it was.
// Then it removes it.
func (a *actor) useRemovable() {
	i := a.rnd.IntN(removables)
	a.begin(opening)
	mark, ok := a.markRemovable(i)
	a.end()
	if !ok || a.rnd.IntN(2) == 0 {
		return
	}
	a.begin(removing)
	before, used := a.ledger.visits(i)
	err := a.seg.RemoveObject(removable(i))
	switch {
	case err == nil:
		next(&a.ledger.removed)
		raise(&a.ledger.gone[i], mark)
	case errors.Is(err, fs.ErrNotExist):
		raise(&a.ledger.gone[i], mark)
	case !errors.Is(err, shm.ErrInUse):
		a.check(removing, err)
	default:
		next(&a.ledger.refused)
		if after, _ := a.ledger.visits(i); after == before && !used {
			a.t.Fatalf("%v, and nobody uses it", err)
		}
	}
	a.end()
}

func (a *actor) markRemovable(i int) (mark uint64, ok bool) {
	gone := get(&a.ledger.gone[i])
	a.seat.come(i)
	seg := open(a.t)
	defer func() {
		proctest.Check(a.t, seg.Close())
		a.seat.leave()
	}()
	xs, err := shm.NewArray[uint64](seg, removable(i), 16<<a.rnd.IntN(4))
	if errors.Is(err, shm.ErrMismatch) {
		return 0, false
	}
	a.check(opening, err)
	shm.CompareAndSwapAt(xs, 0, 0, next(&a.ledger.marks)+1)
	if mark = xs.Load(0); mark <= gone {
		a.t.Fatalf("object %d has the mark %d, and that of mark %d is removed", i, mark, gone)
	}
	for j := range xs.Len() {
		if x := xs.Load(j); x != mark && x != 0 {
			a.t.Fatalf("object %d has the marks %d and %d", i, mark, x)
		}
		xs.Store(j, mark)
	}
	a.dawdle()
	for j := range xs.Len() {
		if x := xs.Load(j); x != mark {
			a.t.Fatalf("object %d has the mark %d, and had %d", i, x, mark)
		}
	}
	return mark, true
}

// come says that the seat may use an object, or that it has popped from a line and may do so
// again; leave says that it does not.
func (s *seat) come(i int) { set(&s.visit, (s.visit>>8+1)<<8|uint64(i+1)) }
func (s *seat) leave()     { set(&s.visit, (s.visit>>8+1)<<8) }

// visits returns what the seats say of their visits, and whether one may use the object.
// If nobody does, and they say the same later, nobody has in between.
func (l *ledger) visits(i int) (all [maxSeats]uint64, used bool) {
	for j := range all {
		all[j] = get(&l.seats[j].visit)
		used = used || all[j]&0xff == uint64(i+1)
	}
	return all, used
}

// removeAll removes all that anybody may have made. Nobody else is alive.
func (s *storm) removeAll() {
	names := []string{}
	for i := range removables {
		names = append(names, removable(i))
	}
	for i := range s.ledger.lines {
		names = append(names, lineName(i))
	}
	for _, name := range names {
		if err := s.seg.RemoveObject(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.t.Error(err)
		}
	}
}
