package segment

import (
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// holder is an attachment, and its side of the hold that all have.
type holder struct {
	*Segment
	hold *Hold
}

func newHolder(t *testing.T) holder {
	t.Helper()
	s, err := OpenOrCreate("holds", 4096, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Not by Close, which leaves the rest to the collector: its goroutine would come to
	// steps of other tests, and the file would stay mapped where it cannot be severed.
	t.Cleanup(s.discard)
	o, err := s.Object(Spec{Kind: layout.KindBytes, Name: "hold", Size: 128})
	if err != nil {
		t.Fatal(err)
	}
	return holder{s, s.NewHold(layout.At[atomic.Uint64](o.Mem, 64))}
}

func (h holder) expect(t *testing.T, what string, held, abandoned bool) {
	t.Helper()
	if h.Held(h.hold) != held || h.Abandoned(h.hold) != abandoned {
		t.Errorf("%s: held %v, abandoned %v, want %v, %v; word %#x", what,
			h.Held(h.hold), h.Abandoned(h.hold), held, abandoned, h.hold.word.Load())
	}
}

func (h holder) claim(t *testing.T, want bool) {
	t.Helper()
	if ok, _ := h.Claim(h.hold); ok != want {
		t.Errorf("claim: %v", !want)
	}
}

// die is a death without Close: nothing is marked.
func (h holder) die() { h.table.Close() }

// TestHold takes a hold through its states.
func TestHold(t *testing.T) {
	t.Setenv("ISTHMUS_DIR", t.TempDir())
	a, b, c, d := newHolder(t), newHolder(t), newHolder(t), newHolder(t)
	d.expect(t, "free", false, false)
	a.claim(t, true)
	a.claim(t, false)
	b.claim(t, false)
	d.expect(t, "held", true, false)
	b.Drop(b.hold)
	d.expect(t, "another's drop", true, false)
	a.Drop(a.hold)
	d.expect(t, "dropped", false, false)

	b.claim(t, true)
	b.die()
	d.expect(t, "dead", false, true)
	c.claim(t, true)
	d.expect(t, "succeeded", true, false)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	d.expect(t, "left", false, false)
	a.claim(t, true)
	d.expect(t, "succeeded again", true, false)
}

// TestHoldAndClose has Close come between the steps of a claim.
func TestHoldAndClose(t *testing.T) {
	t.Setenv("ISTHMUS_DIR", t.TempDir())
	for name, run := range map[string]func(h holder){
		"closed, claimed, marked": func(h holder) { h.closed.Store(true); h.Claim(h.hold); h.res.detach() },
		"claimed, closed, marked": func(h holder) { h.Claim(h.hold); h.closed.Store(true); h.res.detach() },
		"new, marked": func(h holder) {
			h.hold.claims.Add(1)
			h.hold.word.Store(uint64(h.ID()) | holdNew)
			h.closed.Store(true)
			h.hold.leave(uint64(h.ID()))
			if h.hold.word.CompareAndSwap(uint64(h.ID())|holdNew, uint64(h.ID())) {
				t.Error("a claim is confirmed after the mark")
			}
			h.res.detach()
		},
		"marked, new": func(h holder) {
			h.closed.Store(true)
			h.hold.leave(uint64(h.ID()))
			h.Claim(h.hold)
			h.die()
		},
	} {
		d := newHolder(t)
		h := newHolder(t)
		run(h)
		if d.hold.word.Load()&holdID != uint64(h.ID()) {
			t.Errorf("%s: the word is %#x", name, d.hold.word.Load())
		}
		d.expect(t, name, false, false)
		d.claim(t, true)
		d.Drop(d.hold)
	}
}

// TestHeir has a claim from a dead holder not come to its end: the death is told of all
// the same, until there is a successor.
func TestHeir(t *testing.T) {
	t.Setenv("ISTHMUS_DIR", t.TempDir())
	for name, run := range map[string]func(h holder){
		"died": func(h holder) {
			h.closed.Store(true) // as if it ended between its two steps
			h.Claim(h.hold)
			h.die()
		},
		"closed, claimed, marked": func(h holder) { h.closed.Store(true); h.Claim(h.hold); h.res.detach() },
		"closed, marked, claimed": func(h holder) {
			h.closed.Store(true)
			h.hold.leave(uint64(h.ID()))
			h.Claim(h.hold)
			h.die()
		},
	} {
		d, b := newHolder(t), newHolder(t)
		b.claim(t, true)
		b.die()
		for range 2 {
			run(newHolder(t))
			d.expect(t, name, false, true)
		}
		d.claim(t, true)
		d.expect(t, name+", succeeded", true, false)
		d.Drop(d.hold)
		d.expect(t, name+", dropped", false, false)
	}
}

// TestHoldMarked has a claimant that is new, and a holder that has left, which both have
// the hold until they are dead.
func TestHoldMarked(t *testing.T) {
	t.Setenv("ISTHMUS_DIR", t.TempDir())
	for name, mark := range map[string]func(h holder){
		"new":  func(h holder) { h.closed.Store(true); h.claim(t, true) },
		"left": func(h holder) { h.claim(t, true); h.closed.Store(true); h.hold.leave(uint64(h.ID())) },
	} {
		d, h := newHolder(t), newHolder(t)
		mark(h)
		d.expect(t, name, true, false)
		d.claim(t, false)
		h.die()
		d.expect(t, name+", dead", false, false)
		d.claim(t, true)
		d.Drop(d.hold)
	}
}

// TestNoHeir has a claimant that is new die after one that has left: no holder has died.
func TestNoHeir(t *testing.T) {
	t.Setenv("ISTHMUS_DIR", t.TempDir())
	a, b, d := newHolder(t), newHolder(t), newHolder(t)
	a.claim(t, true)
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	b.closed.Store(true) // as if it ended between its two steps
	b.claim(t, true)
	b.die()
	d.expect(t, "died before it was held", false, false)
}

// TestHoldWhile has something come between two steps of a hold.
func TestHoldWhile(t *testing.T) {
	t.Setenv("ISTHMUS_DIR", t.TempDir())
	h, d := newHolder(t), newHolder(t)
	h.hold.claims.Add(1)
	h.hold.word.Store(uint64(h.ID()) | holdNew)
	setStep(t, stepMarking, func() { h.hold.word.Store(uint64(h.ID())) })
	h.closed.Store(true)
	h.res.detach()
	d.expect(t, "held while Close marks it", false, false)
	if w := d.hold.word.Load(); w != uint64(h.ID())|holdLeft {
		t.Errorf("held while Close marks it: the word is %#x", w)
	}

	h, d = newHolder(t), newHolder(t)
	d.claim(t, true)
	setStep(t, stepClaiming, func() { h.closed.Store(true); h.hold.leave(uint64(h.ID())) })
	h.claim(t, false)
	d.die()
	newHolder(t).expect(t, "another closed while it claimed in vain", false, true)

	h, d = newHolder(t), newHolder(t)
	h.claim(t, true)
	setStep(t, stepDoubting, func() { h.closed.Store(true); h.res.detach() })
	if d.Abandoned(d.hold) {
		t.Error("closed while somebody asks: abandoned")
	}
}

// TestStaleHold: Close does not touch the word of a hold that this attachment does not
// have, as of an object that is no more.
func TestStaleHold(t *testing.T) {
	t.Setenv("ISTHMUS_DIR", t.TempDir())
	a, d := newHolder(t), newHolder(t)
	a.claim(t, true)
	a.claim(t, false)
	a.Drop(a.hold)
	me := uint64(a.ID())
	a.hold.word.Store(me)
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if w := d.hold.word.Load(); w != me {
		t.Errorf("the word is %#x", w)
	}
}
