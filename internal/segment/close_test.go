package segment

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/mapping"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestUseAfterClose(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	a, b := mustCreate(t, "s", nil), mustOpen(t, "s")
	spec := Spec{Kind: layout.KindLock, Name: "x", Size: 64}
	mine, theirs := mustObject(t, a, spec), mustObject(t, b, spec)
	mine.Mem[0] = 1
	x := a.Ref(spec.Kind, spec.Name)
	if err := x.Check(); err != nil {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if !a.Closed() || !b.Dead(a.ID()) {
		t.Error("not closed, or not dead to others")
	}
	proctest.WantError(t, "Close", a.Close(), ErrClosed, `close segment "s"`)
	proctest.WantError(t, "Check", x.Check(), ErrClosed, `lock "x" in segment "s"`)
	_, err := a.Object(spec)
	proctest.WantError(t, "Object", err, ErrClosed, `lock "x" in segment "s"`)
	_, err = a.Object(Spec{Kind: layout.KindLock, Name: "y", Size: 64})
	proctest.WantError(t, "Object", err, ErrClosed, `lock "y" in segment "s"`)

	if mapping.Severs() {
		mine.Mem[0]++ // what an operation caught in the middle may do
		if theirs.Mem[0] != 1 {
			t.Error("a store after Close reached the file")
		}
	}
	runtime.KeepAlive(a)
}

// TestCloseUnderFire closes a Segment while others use it in every way.
func TestCloseUnderFire(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	b := mustCreate(t, "s", nil)
	spec := Spec{Kind: layout.KindLock, Name: "x", Size: 4096}
	theirs := mustObject(t, b, spec)
	for range 20 {
		a := mustOpen(t, "s")
		mine := mustObject(t, a, spec)
		done := make(chan struct{})
		users := []func(){
			func() {
				for i := range mine.Mem {
					mine.Mem[i]++
				}
			},
			func() { a.Object(spec) },
			func() { a.Object(Spec{Kind: layout.KindLock, Name: "late", Size: 8}) },
			func() { a.Dead(b.ID()) },
		}
		for _, use := range users {
			go func() {
				defer func() { done <- struct{}{} }()
				for !a.Closed() {
					use()
				}
				use()
			}()
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		after := bytes.Clone(theirs.Mem)
		for range users {
			<-done
		}
		if mapping.Severs() && !bytes.Equal(after, theirs.Mem) {
			t.Error("a store after Close reached the file")
		}
		runtime.KeepAlive(a)
	}
	if o, err := b.Object(spec); err != nil || o.Created {
		t.Errorf("afterwards: %+v, %v", o, err)
	}
}

// TestForgotten checks that a Segment that nobody has any more is detached, and
// its memory unmapped, but no sooner.
func TestForgotten(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	b := mustCreate(t, "s", nil)
	id, mem := func() (liveness.ID, []byte) {
		a, err := Open("s", nil)
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		o := mustObject(t, a, Spec{Kind: layout.KindLock, Name: "x", Size: 64})
		o.Mem[0] = 1
		if b.Dead(a.ID()) {
			t.Error("dead while reachable")
		}
		return a.ID(), o.Mem
	}()
	_ = mem // does not keep it
	for start := time.Now(); !b.Dead(id); runtime.GC() {
		if time.Since(start) > proctest.Timeout() {
			t.Fatal("a Segment that nobody has is still alive")
		}
	}
}
