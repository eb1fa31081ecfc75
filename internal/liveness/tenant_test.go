package liveness

import (
	"errors"
	"math"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestTenant(t *testing.T) {
	proctest.NoLeaks(t)
	path := filepath.Join(t.TempDir(), "f")
	a, b := mustAttach(t, path, 2), mustAttach(t, path, 2)
	want := func(what string, id ID, fate Fate) {
		t.Helper()
		if gotID, got := a.Tenant(b.Slot()); gotID != id || got != fate {
			t.Errorf("%s: tenant is %d, fate %d, want %d, %d", what, gotID, got, id, fate)
		}
	}
	want("attached", 0, Left)
	b.MoveIn()
	want("moved in", b.ID(), Alive)
	b.Close()
	want("closed out of order", b.ID(), Died)
	c := mustAttach(t, path, 2)
	want("attached after", b.ID(), Died)
	c.Leave()
	want("left without having moved in", b.ID(), Died)
	c.MoveIn()
	want("moved in after", c.ID(), Alive)
	c.Close()
	want("closed in order", c.ID(), Left)
}

func TestHold(t *testing.T) {
	proctest.NoLeaks(t)
	path := filepath.Join(t.TempDir(), "f")
	a, b, c := mustAttach(t, path, 3), mustAttach(t, path, 3), mustAttach(t, path, 3)
	held := 0
	a.Hold(b.Slot(), func() { held++ })
	b.Close()
	a.Hold(b.Slot(), func() {
		held++
		c.Hold(b.Slot(), func() { held += 10 })
		a.Hold(b.Slot(), func() { held += 10 })
		if c.SlotFree(b.Slot()) || !c.Dead(b.ID()) || c.Dead(a.ID()) {
			t.Errorf("while its slot is held: free %v, dead %v, holder dead %v", c.SlotFree(b.Slot()), c.Dead(b.ID()), c.Dead(a.ID()))
		}
		if _, _, err := attach(path, 3); !errors.Is(err, ErrFull) {
			t.Errorf("attach in the slot that is held: %v", err)
		}
	})
	if held != 1 {
		t.Errorf("held %d, one slot whose owner was alive, and one whose owner was dead", held)
	}
	if !c.SlotFree(b.Slot()) || !c.Dead(b.ID()) {
		t.Error("what was held is not free")
	}
	// Who dies while it holds a slot.
	a.Hold(b.Slot(), func() { a.Close() })
	d, e := mustAttach(t, path, 3), mustAttach(t, path, 3)
	if c.Dead(d.ID()) || c.Dead(e.ID()) {
		t.Error("an attacher is dead")
	}
}

// probed calls a function before each probe.
type probed struct {
	locks
	before func()
}

func (p probed) held(n int64) (bool, error) {
	p.before()
	return p.locks.held(n)
}

// heldUntilAsked has a hold a slot, and give it back while c asks whether a is dead.
func heldUntilAsked(t *testing.T) (slot int, a, c *Table) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	b, a, c := mustAttach(t, path, 3), mustAttach(t, path, 3), mustAttach(t, path, 3)
	b.Close()
	held, asked := make(chan struct{}), make(chan struct{})
	var holder sync.WaitGroup
	holder.Go(func() {
		a.Hold(b.Slot(), func() {
			close(held)
			<-asked
		})
	})
	<-held
	giveBack := sync.OnceFunc(func() {
		close(asked)
		holder.Wait()
	})
	t.Cleanup(giveBack)
	c.locks = probed{c.locks, giveBack}
	return b.Slot(), a, c
}

// TestHolderIsAlive has a slot be given back while somebody asks whether its holder is dead.
func TestHolderIsAlive(t *testing.T) {
	proctest.NoLeaks(t)
	if _, a, c := heldUntilAsked(t); c.Dead(a.ID()) {
		t.Error("who holds a slot is dead")
	}
}

// TestHoldInPassing attaches in a slot that is held again and again, for a moment.
func TestHoldInPassing(t *testing.T) {
	proctest.NoLeaks(t)
	path := filepath.Join(t.TempDir(), "f")
	defer func(n int) { heldPauses = n }(heldPauses)
	heldPauses = math.MaxInt // the machine may be busy
	a := mustAttach(t, path, 2)
	var wg sync.WaitGroup
	end := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-end:
				return
			default:
				a.Hold(1-a.Slot(), runtime.Gosched)
			}
		}
	})
	defer wg.Wait()
	defer close(end)
	for range proctest.Scaled(1000) {
		b, m, err := attach(path, 2)
		if err != nil {
			t.Fatal(err)
		}
		if layout.SlotSize*2 != len(b.mem) || b.Slot() == a.Slot() {
			t.Fatalf("slot %d", b.Slot())
		}
		b.Close()
		m.Unmap()
	}
}

// givenBack has a slot that is held given back while somebody asks for the lock of an ID.
type givenBack struct {
	locks
	giveBack func()
}

func (g *givenBack) held(n int64) (bool, error) {
	g.giveBack()
	return g.locks.held(n)
}

// TestDeadWhileHolding asks whether one is dead that holds a slot beside its own, and
// gives it back meanwhile.
func TestDeadWhileHolding(t *testing.T) {
	proctest.NoLeaks(t)
	path := filepath.Join(t.TempDir(), "f")
	a, b, c := mustAttach(t, path, 3), mustAttach(t, path, 3), mustAttach(t, path, 3)
	a.Close()
	held, giveBack, back := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(back)
		b.Hold(a.Slot(), func() {
			close(held)
			<-giveBack
		})
	}()
	<-held
	asked := c.locks
	defer func() { c.locks = asked }()
	c.locks = &givenBack{asked, sync.OnceFunc(func() {
		close(giveBack)
		<-back
	})}
	if c.Dead(b.ID()) {
		t.Error("one that is alive is dead")
	}
}

// TestHowOneEndedWhileHeld asks how the owner of a slot has ended that somebody holds, and of
// one whose holder has died.
func TestHowOneEndedWhileHeld(t *testing.T) {
	for _, leaves := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "f")
		a, b, c := mustAttach(t, path, 3), mustAttach(t, path, 3), mustAttach(t, path, 3)
		if leaves {
			b.Leave()
		}
		b.Close()
		check := func(when string) {
			if got := c.Left(b.Slot(), b.ID()); got != leaves {
				t.Errorf("%s: has left %v, want %v", when, got, leaves)
			}
		}
		check("before")
		a.Hold(b.Slot(), func() {
			check("held")
			a.Close()
		})
		check("after its holder has died")
	}
}
