package storm

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/shm"
)

// A choice is a case of a Select, and what an actor does when it has taken place. One that
// pushes has begun to in the ledger before.
type choice struct {
	c     shm.Case
	push  ringID // or rings
	after func(err error)
}

// choose selects, several times, among some of the objects that others use alone.
func (a *actor) choose() {
	for left := a.burst(); left > 0 && !a.full() && a.chooseOne(); left-- {
	}
}

// chooseOne is one Select. It reports whether anything took place.
func (a *actor) chooseOne() bool {
	token := uint32(a.name)
	var popped message
	bytes := a.page.takenBytes[:0]
	ok := func(err error) { a.check(selecting, err) }
	all := []choice{
		{a.mpmc.PopCase(&popped), rings, func(err error) {
			ok(err)
			a.mustBeWhole(selecting, popped)
			a.popped(popped[0])
		}},
		{a.many.PopCase(&bytes), rings, func(err error) { ok(err); a.popped(a.parse(bytesMPMC, bytes)) }},
		{a.mu.LockCase(), rings, a.changeInside},
		{a.permits.AcquireCase(1), rings, func(err error) { ok(err); a.holdPermits(1) }},
		{a.recursive.LockCase(token), rings, func(err error) {
			if !errors.Is(err, shm.ErrOwnerDied) {
				ok(err)
			}
			a.lockAgain(token)
		}},
		{a.rw.RLockCase(), rings, a.readInside},
		{a.event.WaitCase(), rings, ok},
	}
	pushed := newMessage(a.nextID(mpmc))
	pushedBytes := a.ledger.appendMessage(nil, a.nextID(bytesMPMC))
	all = append(all, choice{a.mpmc.PushCase(&pushed), mpmc, ok}, choice{a.many.PushCase(&pushedBytes), bytesMPMC, ok})

	a.rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	all = all[:1+a.rnd.IntN(len(all))]
	cases := make([]shm.Case, len(all))
	a.ledger.done(&a.page.earliest)
	clear(a.page.takenBytes[:])
	a.begin(selecting)
	for i, c := range all {
		cases[i] = c.c
		if c.push != rings {
			src := a.source(c.push)
			set(&src.begun, src.done+1)
		}
	}
	ctx, cancel := a.aMoment()
	i, err := shm.Select(ctx, cases...)
	cancel()
	if i < 0 && !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, shm.ErrSegmentClosed) {
		a.check(selecting, err) // what it would have pushed stays in doubt
	}
	for j, c := range all {
		if c.push == rings {
			continue
		}
		src := a.source(c.push)
		if j == i {
			a.check(selecting, err)
			set(&src.done, src.done+1)
		}
		set(&src.begun, src.done)
	}
	if i >= 0 {
		all[i].after(err)
	}
	a.end()
	return i >= 0
}

// source is what the actor has pushed to a ring without roles.
func (a *actor) source(r ringID) *tally { return &a.ledger.sources[r][a.sources[r]] }

// nextID is that of the next message that it pushes there.
func (a *actor) nextID(r ringID) uint64 { return identify(r, a.sources[r], a.source(r).done) }
