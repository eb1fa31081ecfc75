package shm_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestCondBroadcastAfterSignal: X waits; a Broadcast has seen that nobody waits in the line of
// Y; Y begins to wait; a Signal comes, and goes to X; the Broadcast goes on. Whichever came first,
// Y must be woken: by the Signal (X was the Broadcast's), or by the Broadcast.
func TestCondBroadcastAfterSignal(t *testing.T) {
	s := shared.NamedWith(t, &shm.Options{MaxProcs: 8})
	y, x := newCond(t, s.Another(t)), newCond(t, s.Another(t))
	b, sig := newCond(t, s.Another(t)), newCond(t, s.Another(t))
	if y.Slot() > x.Slot() {
		x, y = y, x
	}
	w := begins(t, y)
	sig.Signal() // the next one goes to a slot behind y's
	wantEnd(t, w, "woken")

	wx := begins(t, x)
	b.Mu().Lock()
	done := proctest.Go(func() bool { b.Broadcast(); return true })
	proctest.Until(t, "it is in Broadcast", func() bool {
		buf := make([]byte, 1<<20)
		for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(g, "condState).broadcast") && strings.Contains(g, "Mutex).lockSlow") {
				return true
			}
		}
		return false
	})
	wy := begins(t, y)
	sig.Signal()
	b.Mu().Unlock()
	proctest.Result(t, done)
	wantEnd(t, wx, "woken")
	select {
	case got := <-wy:
		t.Logf("Y: %v", got)
	case <-time.After(time.Second):
		t.Errorf("Y sleeps, after a Broadcast and a Signal: the Signal is lost")
		sig.Signal()
		<-wy
	}
}
