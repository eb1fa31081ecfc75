package segment

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

// die ends an attachment as the death of its process would.
func die(s *Segment) {
	s.closed.Store(true)
	s.res.once.Do(func() {
		s.res.mapping.Sever()
		s.res.table.Close()
	})
	s.discard()
}

// wantStale removes what is stale, and compares.
func wantStale(t *testing.T, opts *Options, want ...string) {
	t.Helper()
	names, err := RemoveStale(opts)
	if err != nil || !slices.Equal(names, want) {
		t.Errorf("removed %q, %v, want %q", names, err, want)
	}
}

func TestRemoveStale(t *testing.T) {
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	wantStale(t, nil)

	closed := mustCreate(t, "closed", nil)
	closed.Close()
	mustCreate(t, "open", nil)
	die(mustOpen(t, "open"))
	for _, name := range []string{"dead", "another"} {
		die(mustCreate(t, name, &Options{Version: 3}))
	}
	b := mustCreate(t, "left", nil) // one has died, and the last one has closed
	die(mustOpen(t, "left"))
	b.Close()
	again := mustCreate(t, "again", &Options{MaxProcs: 1}) // one has died, and another has come since
	die(again)
	mustOpen(t, "again").Close()

	proctest.Check(t, os.WriteFile(filepath.Join(dir, "isthmus.junk"), make([]byte, 10000), 0o600))
	proctest.Check(t, os.WriteFile(filepath.Join(dir, "isthmus.short"), nil, 0o600))
	if runtime.GOOS != "windows" {
		proctest.Check(t, os.Symlink("isthmus.junk", filepath.Join(dir, "isthmus.link")))
	}
	defer func() {
		for _, f := range []string{"junk", "short", "link"} {
			os.Remove(filepath.Join(dir, "isthmus."+f))
		}
	}()
	wantStale(t, nil, "another", "dead", "left")
	wantStale(t, nil)
	mustOpen(t, "open").Close()
	mustOpen(t, "closed").Close()
	wantStale(t, nil)
	proctest.WantError(t, "RemoveStale", func() error { _, err := RemoveStale(&Options{Dir: dir + "/none"}); return err }(), fs.ErrNotExist)
}

// TestRemoveStaleHeld has somebody close while it holds the slot of another who has: neither
// has crashed.
func TestRemoveStaleHeld(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s, other := mustCreate(t, "s", nil), mustOpen(t, "s")
	slot := other.Slot()
	proctest.Check(t, other.Close())
	s.table.Hold(slot, func() { proctest.Check(t, s.Close()) })
	wantStale(t, nil)
}

// TestRemoveStaleKilled has real processes die, one of them stopped first.
func TestRemoveStaleKilled(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	t.Cleanup(func() { Remove("s", nil) }) // it is there if nobody can be stopped
	p, _ := halt(t, "create", stepPublished)
	wantStale(t, nil)
	p.Stop()
	wantStale(t, nil)
	p.Continue()
	p.Kill()
	wantStale(t, nil, "s")
}

// TestRemoveStaleOpening has somebody stop as it opens a segment that is stale but for that.
func TestRemoveStaleOpening(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	die(mustCreate(t, "s", nil))
	p, _ := halt(t, "open", stepEntered)
	wantStale(t, nil)
	mustOpen(t, "s").Close() // who is in the gate keeps nobody else out
	p.Kill()
	p, _ = halt(t, "open", stepAttached)
	wantStale(t, nil)
	p.Kill()
	wantStale(t, nil, "s")
}

var errReplaced = errors.New("was replaced")

// TestRemoveStaleStopped stops somebody who is about to remove a segment. Who opens it, or
// removes it, waits until that one is gone, with the segment or without.
func TestRemoveStaleStopped(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	for _, killed := range []bool{true, false} {
		die(mustCreate(t, "s", nil))
		p, _ := halt(t, "remove stale", stepVacant)
		wantStale(t, nil)
		opened := proctest.Go(func() error {
			s, err := Open("s", nil)
			if err == nil {
				defer s.Close()
				if s.Replaced() {
					err = errReplaced
				}
			}
			return err
		})
		removed := proctest.Go(func() error { return Remove("s", nil) })
		for range 10_000 { // so that it is seen, as a rule, if they do not wait
			runtime.Gosched()
		}
		if len(opened)+len(removed) > 0 {
			t.Error("opened or removed what is about to be removed")
		}
		if killed {
			p.Kill()
			proctest.Check(t, proctest.Result(t, removed))
			if err := proctest.Result(t, opened); err != nil && err != errReplaced && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
			continue
		}
		p.Send("go on")
		p.Exit()
		proctest.WantError(t, "Open", proctest.Result(t, opened), fs.ErrNotExist)
		proctest.WantError(t, "Remove", proctest.Result(t, removed), fs.ErrNotExist)
	}
}

// TestRemoveStaleReplaced has the segment replaced, by hand, after it was found to be removed.
func TestRemoveStaleReplaced(t *testing.T) {
	needFileIDs(t)
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	die(mustCreate(t, "s", nil))
	replace(t, stepFound, func() {
		proctest.Check(t, os.Remove(filepath.Join(dir, "isthmus.s")))
		die(mustCreate(t, "s", nil))
	})
	wantStale(t, nil)
	wantStale(t, nil, "s")
}

// TestOpenReplaced has the segment replaced, by hand, while it is opened.
func TestOpenReplaced(t *testing.T) {
	needFileIDs(t)
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	mustCreate(t, "s", nil)
	remove := func() { proctest.Check(t, os.Remove(filepath.Join(dir, "isthmus.s"))) }
	replace(t, stepEntered, remove)
	_, err := Open("s", nil)
	proctest.WantError(t, "Open", err, fs.ErrNotExist)

	mustCreate(t, "s", nil)
	var other *Segment
	replace(t, stepEntered, func() {
		remove()
		other = mustCreate(t, "s", nil)
	})
	if s := mustOpen(t, "s"); s.Replaced() || s.Dead(other.ID()) || s.ID() != other.ID()+1 {
		t.Error("opened what was replaced meanwhile")
	}
}

// TestRemoveReplaced has the segment replaced while somebody removes it. The new one is not
// removed before those who have closed its gate open it.
func TestRemoveReplaced(t *testing.T) {
	needFileIDs(t)
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	path := filepath.Join(dir, "isthmus.s")
	mustCreate(t, "s", nil)
	closed := make(chan *liveness.File, 1)
	replace(t, stepEntered, func() {
		proctest.Check(t, os.Remove(path))
		mustCreate(t, "s", nil)
		f := proctest.Must(openSegment(path))(t)
		if ok, err := f.CloseGate(); !ok {
			t.Error(err)
		}
		closed <- f
	})
	removed := proctest.Go(func() error { return Remove("s", nil) })
	f := proctest.Result(t, closed)
	for range 10_000 { // so that it is seen, as a rule, if it does not wait
		runtime.Gosched()
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("removed at the gate of another: %v", err)
	}
	proctest.Check(t, f.Close())
	proctest.Check(t, proctest.Result(t, removed))
}

// replace calls f at the next time that a step comes.
func replace(t *testing.T, at step, f func()) {
	t.Cleanup(func() { atStep = func(step) {} })
	atStep = func(now step) {
		if now == at {
			atStep = func(step) {}
			f()
		}
	}
}

// comer opens and creates a segment again and again. It must not be removed while it is open.
var _ = proctest.Register("comer", func(c *proctest.Child) {
	for range proctest.Scaled(1000) {
		s, err := OpenOrCreate("s", testSize, nil)
		c.Check(err)
		for range 3 {
			if s.Replaced() {
				c.Fatalf("was removed while it was open")
			}
			runtime.Gosched()
		}
		if rand.IntN(2) == 0 {
			c.Check(s.Close())
		} else {
			die(s)
		}
	}
	c.Send("done")
	OpenOrCreate("s", testSize, nil) // and dies with it
})

// TestRemoveStaleStorm removes what is stale all the while that processes come and go.
func TestRemoveStaleStorm(t *testing.T) {
	needFileIDs(t)
	proctest.NoLeaks(t)
	proctest.Dir(t)
	var all []*proctest.Proc
	for range 3 {
		all = append(all, proctest.Start(t, "comer"))
	}
	over := make(chan bool)
	sweeper := proctest.Go(func() (removed int) {
		for {
			names, err := RemoveStale(nil)
			if err != nil {
				t.Error(err)
			}
			removed += len(names)
			select {
			case <-over:
				return removed
			default:
			}
		}
	})
	all[0].Kill()
	for _, p := range all[1:] {
		p.Expect("done")
		p.Wait()
	}
	close(over)
	if n := proctest.Result(t, sweeper); n == 0 {
		t.Error("nothing was removed")
	} else {
		t.Logf("%d removed", n)
	}
	Remove("s", nil)
}
