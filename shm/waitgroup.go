package shm

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/segment"
)

// A WaitGroup waits for the end of work in several processes. It behaves as a
// [sync.WaitGroup] does, and its counts outlive no process unnoticed.
//
// Each count belongs to a process: to the one that added it, until another one takes it
// over by [WaitGroup.Take]. [WaitGroup.Done] takes off a count of this process. If the
// process has none, Done takes off one that another process has added and nobody has taken
// over.
//
// If a process dies, or closes its Segment, its counts come back within 50 ms, once
// somebody waits: it is as if the process had called Done. With the option [ReportDead]
// they stay instead, and WaitContext reports them.
//
// In one typical program, a parent adds what its children do. A child that has taken its
// count over answers for it from then on:
//
//	wg.Add(n)                      // the parent
//	start(n)
//	err := wg.WaitContext(ctx)
//
//	if !wg.Take(1) {               // each child
//		return                     // nobody waits for it any more
//	}
//	defer wg.Done()
//
// Without Take, the program works as long as nobody dies. But the counts stay those of
// the parent: the death of a child is not noticed, and that of the parent ends all waits.
//
// In the other, each worker adds itself:
//
//	wg.Add(1)                      // each worker
//	defer wg.Done()
//
// In the terms of the Go memory model, a Done synchronizes before the return of each Wait
// that it lets go.
//
// All changes take turns. No operation makes a system call if nobody has to wait or to be
// woken, and Done finds a count of its own process. A WaitGroup takes 128 bytes of the
// segment, plus 128 bytes for each process that the segment has room for.
type WaitGroup struct {
	ref segment.Ref
	counts
	edge race.Edge
}

// WaitGroupOption is an option of [NewWaitGroup].
type WaitGroupOption uint8

// ReportDead makes a WaitGroup keep the counts of processes that have died or closed
// their Segment. While there are any, [WaitGroup.WaitContext] returns an error that wraps
// [ErrOwnerDied], instead of waiting. A successor takes them over by [WaitGroup.Take], or
// [WaitGroup.Done] gives them up: both turn first to what the living have added.
const ReportDead WaitGroupOption = 1

// NewWaitGroup returns the wait group with that name. It creates an empty one if none
// exists. All calls on one Segment return the same *WaitGroup. NewWaitGroup fails with
// [ErrMismatch] if one with other options exists.
func NewWaitGroup(s *Segment, name string, options ...WaitGroupOption) (*WaitGroup, error) {
	var set WaitGroupOption
	for _, o := range options {
		set |= o & ReportDead
	}
	obj, err := s.core.Object(segment.Spec{
		Kind: layout.KindWaitGroup, Name: name, Flags: uint64(set),
		Size: countsSize(s.core.MaxProcs()),
	})
	if err != nil {
		return nil, err
	}
	return s.core.Local(obj, func() any {
		g := &WaitGroup{ref: s.core.Ref(layout.KindWaitGroup, name)}
		g.init(s.core, obj.Mem, set&ReportDead != 0)
		return g
	}).(*WaitGroup), nil
}

// WaitGroupSize returns the size of a [WaitGroup], in bytes of a segment that has room
// for maxProcs processes.
func WaitGroupSize(maxProcs int) int64 { return int64(countsSize(maxProcs)) }

// Add adds delta counts to those of this process, or takes as many off if delta is
// negative. It panics, and changes nothing, if there are fewer to take off, or more than
// 2^31-1 in all. It panics if the segment is closed.
//
// Who adds what others wait for has to do so before they Wait: if the WaitGroup is empty,
// Wait does not wait. When it has become empty, everybody who waits goes, also if
// somebody adds to it again at once. Who has waited may close the Segment: the Add of a
// goroutine of the same process that ended the wait does not notice.
func (g *WaitGroup) Add(delta int) {
	switch open, ok := g.add(delta, oneAdded); {
	case !open:
		g.ref.PanicClosed()
	case !ok && delta < 0:
		g.ref.Misuse("negative WaitGroup counter")
	case !ok:
		g.ref.Misuse("more than %d counts", maxCounts)
	}
}

// add is Add, with counts that may be taken over or not. It reports whether the segment
// is open, and whether there can be so many counts.
func (g *WaitGroup) add(delta int, one uint64) (open, ok bool) {
	if delta < 0 {
		g.edge.Release()
	}
	empties, err := g.begin(context.Background())
	if err != nil {
		return false, false
	}
	if delta < 0 {
		ok = g.takeOff(-uint64(delta))
	} else {
		ok = g.put(uint64(delta), one)
	}
	return g.end(empties), ok
}

// Done takes one count off: it is Add(-1).
func (g *WaitGroup) Done() { g.Add(-1) }

// Go calls f in a new goroutine, and adds a count for it, which is taken off when f
// returns or ends its goroutine. No other process can take this count over. f must not
// panic. If the Segment is closed by the end of f, the count has come back already, or is
// one of the dead. Go panics if the segment is closed.
func (g *WaitGroup) Go(f func()) {
	switch open, ok := g.add(1, oneTaken); {
	case !open:
		g.ref.PanicClosed()
	case !ok:
		g.ref.Misuse("more than %d counts", maxCounts)
	}
	go func() {
		defer func() {
			if x := recover(); x != nil {
				panic(x) // and the process dies with its count
			}
			g.add(-1, oneTaken) // in vain if the segment is closed
		}()
		f()
	}()
}

// Take makes n counts those of this process, which others have added and nobody has
// taken over, or whose processes have died (see [ReportDead]). It reports false, and takes
// none, if there are fewer. Done takes them off, and nobody else can. Take panics if n is
// negative, or if the segment is closed.
func (g *WaitGroup) Take(n int) bool {
	if n < 0 {
		g.ref.Misuse("take %d counts", n)
	}
	open, ok := false, false
	if empties, err := g.begin(context.Background()); err == nil {
		ok = g.take(uint64(n))
		open = g.end(empties)
	}
	if !open {
		g.ref.PanicClosed()
	}
	return ok
}

// Wait waits until there are no counts. If counts of the dead are reported, they count
// here as those of the living do, and only WaitContext reports them. Wait panics if the
// segment is closed.
func (g *WaitGroup) Wait() {
	if err := g.wait(context.Background(), false); err != nil {
		panic(err)
	}
}

// WaitContext waits as Wait does. If ctx ends first, it returns an error that wraps the
// error of ctx. If there are counts of the dead, and the WaitGroup was created with
// [ReportDead], the error wraps [ErrOwnerDied]. If the Segment is closed, it wraps
// [ErrSegmentClosed].
func (g *WaitGroup) WaitContext(ctx context.Context) error {
	if err := g.ref.CheckContext(ctx); err != nil {
		return err
	}
	return g.wait(ctx, g.report)
}

// wait waits, and returns an error if it finds counts of the dead, if so told.
func (g *WaitGroup) wait(ctx context.Context, tell bool) (err error) {
	if empties := atomic.LoadUint64(g.empties); !g.emptySince(empties) {
		err = g.await(ctx, empties, tell)
	}
	if err == nil {
		g.settle()
	}
	if closed := g.ref.Check(); closed != nil {
		return closed
	}
	if err != nil {
		return g.ref.Fault(err)
	}
	g.edge.Acquire()
	return nil
}

// String returns the names of the wait group and of its segment.
func (g *WaitGroup) String() string { return g.ref.String() }
