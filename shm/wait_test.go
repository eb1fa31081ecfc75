package shm_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// A variable is what can be waited for: an entry of a Table, or a Value.
type variable struct {
	wait     func(ctx context.Context, version uint64) (x, now uint64, err error)
	load     func() (x, version uint64)
	store    func(x uint64)
	die      func(x uint64) // does what a Store does before it wakes anybody
	sleepers func() bool
}

// variables are those of the tests of Wait, by name.
var variables = map[string]func(t proctest.Fataler, seg *shm.Segment) variable{
	"small value": func(t proctest.Fataler, seg *shm.Segment) variable {
		v := shared.Value[uint64](t, seg, "small")
		return variable{v.Wait, v.LoadVersion, v.Store, v.StoreSilently, v.Awaited}
	},
	"large value": func(t proctest.Fataler, seg *shm.Segment) variable {
		v := shared.Value[block](t, seg, "large")
		return variable{
			func(ctx context.Context, version uint64) (uint64, uint64, error) {
				b, now, err := v.Wait(ctx, version)
				return b[0], now, err
			},
			func() (uint64, uint64) { b, now := v.LoadVersion(); return b[0], now },
			func(x uint64) { v.Store(blockOf(x)) },
			func(x uint64) { v.StoreUpTo(shm.StepPublished, blockOf(x)) },
			v.Awaited,
		}
	},
	"entry": func(t proctest.Fataler, seg *shm.Segment) variable {
		table := newTable[row](t, seg, "table", rows)
		return variable{
			func(ctx context.Context, version uint64) (uint64, uint64, error) {
				r, now, err := table.Wait(ctx, 9, version)
				return r[0], now, err
			},
			func() (uint64, uint64) { r, now := table.LoadVersion(9); return r[0], now },
			func(x uint64) { table.Store(9, rowOf(x)) },
			func(x uint64) { table.StoreUpTo(shm.StepPublished, 9, rowOf(x)) },
			func() bool { return table.VersionAwaited(9) },
		}
	},
}

func eachVariable(t *testing.T, test func(t *testing.T, s shared.Segment, name string)) {
	for name := range variables {
		t.Run(name, func(t *testing.T) { test(t, shared.Named(t), name) })
	}
}

// turns is how often TestWait goes to and fro.
const turns = 2000

// The arguments of a player are a variable, and whether it goes first.
var _ = proctest.Register("player", func(c *proctest.Child) {
	seg := shared.Open(c)
	v := variables[c.Arg(0)](c, seg)
	c.Send("ready")
	c.Expect("go")
	c.Check(play(v, c.Arg(1) == "first"))
	c.Check(seg.Close())
})

// play makes the even numbers odd, or the odd ones even, each when it comes.
func play(v variable, first bool) error {
	x, version := v.load()
	for x < turns {
		if (x%2 == 0) == first {
			v.store(x + 1)
		}
		was := x
		var err error
		x, version, err = v.wait(context.Background(), version)
		if err != nil {
			return err
		}
		if x < was {
			return fmt.Errorf("%d after %d", x, was)
		}
	}
	return nil
}

// TestWait has two processes answer each other. No
// wake-up is lost: sleeps are long here (proctest.Main).
func TestWait(t *testing.T) {
	eachVariable(t, func(t *testing.T, s shared.Segment, name string) {
		proctest.Together([]*proctest.Proc{
			s.Start(t, "player", name, "first"), s.Start(t, "player", name, "second"),
		})
		if x, _ := variables[name](t, s.Segment).load(); x != turns {
			t.Errorf("ended with %d", x)
		}
	})
}

// TestWaitEnds has Wait end without a change: by its context, and by Close.
func TestWaitEnds(t *testing.T) {
	eachVariable(t, func(t *testing.T, s shared.Segment, name string) {
		proctest.Mortal(t)
		seg := s.Another(t)
		v := variables[name](t, seg)
		v.store(7)
		_, version := v.load()
		if _, _, err := v.wait(nil, version); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("a nil context: %v", err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancelled := proctest.Go(func() error {
			x, now, err := v.wait(ctx, version)
			if x != 0 || now != 0 {
				t.Errorf("cancelled, and got %d, version %d", x, now)
			}
			return err
		})
		waits := proctest.Go(func() error { _, _, err := v.wait(context.Background(), version); return err })
		proctest.Until(t, "somebody sleeps", v.sleepers)
		cancel()
		proctest.WantError(t, "cancelled", proctest.Result(t, cancelled), context.Canceled, "isthmus: ", shared.Name)
		if _, _, err := v.wait(ctx, version+1); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before: %v", err)
		}
		start := time.Now()
		seg.Close()
		if err := proctest.Result(t, waits); !errors.Is(err, shm.ErrSegmentClosed) {
			t.Errorf("closed: %v", err)
		}
		proctest.Prompt(t, "told", start)
		if _, _, err := v.wait(context.Background(), version+1); !errors.Is(err, shm.ErrSegmentClosed) {
			t.Errorf("closed before: %v", err)
		}
	})
}

// TestWaitEndsAtZero closes a segment under somebody who waits for the end of what the
// pages look like that Close puts in the memory's place.
func TestWaitEndsAtZero(t *testing.T) {
	eachVariable(t, func(t *testing.T, s shared.Segment, name string) {
		proctest.Mortal(t)
		seg := s.Another(t)
		v := variables[name](t, seg)
		waits := proctest.Go(func() error { _, _, err := v.wait(context.Background(), 0); return err })
		proctest.Until(t, "somebody sleeps", v.sleepers)
		seg.Close()
		if err := proctest.Result(t, waits); !errors.Is(err, shm.ErrSegmentClosed) {
			t.Errorf("closed: %v", err)
		}
	})
}

var _ = proctest.Register("silent writer", func(c *proctest.Child) {
	variables[c.Arg(0)](c, shared.Open(c)).die(5)
	c.Send("there")
	c.Recv()
})

// TestKilledBeforeWake kills a writer between its write and its wake.
func TestKilledBeforeWake(t *testing.T) {
	eachVariable(t, func(t *testing.T, s shared.Segment, name string) {
		proctest.Mortal(t)
		v := variables[name](t, s.Segment)
		_, version := v.load()
		woken := proctest.Go(func() uint64 { x, _, _ := v.wait(context.Background(), version); return x })
		proctest.Until(t, "somebody sleeps", v.sleepers)
		p := s.Start(t, "silent writer", name)
		p.Expect("there")
		p.Kill()
		if x := proctest.Result(t, woken); x != 5 {
			t.Errorf("woken by %d", x)
		}
	})
}

// TestLargeVersions has the version of a large value rise by one with each write, and
// with nothing else.
func TestLargeVersions(t *testing.T) {
	v := shared.Value[block](t, shared.Named(t).Segment, "block")
	for n := range uint64(10) {
		if b, version := v.LoadVersion(); b != blockOf(n) || version != n {
			t.Errorf("%d, version %d, expected %d", b[0], version, n)
		}
		if v.CompareAndSwap(blockOf(n+1), blockOf(0)) {
			t.Error("CompareAndSwap of another block")
		}
		v.Swap(blockOf(n + 1))
	}
}

// TestWaitNeverSame has a value change back all the time: Wait returns no version that it
// was to wait for the end of.
func TestWaitNeverSame(t *testing.T) {
	v := shared.Value[uint64](t, shared.Named(t).Segment, "flicker")
	stop := make(chan bool)
	stopped := proctest.Go(func() any {
		for n := uint64(0); ; n++ {
			select {
			case <-stop:
				v.Store(1)
				return nil
			default:
				v.Store(n & 1)
			}
		}
	})
	for range proctest.Scaled(20_000) {
		if x, now, err := v.Wait(context.Background(), 0); x != 1 || now != 1 || err != nil {
			t.Errorf("waited for another version than 0, and got %d, version %d, %v", x, now, err)
			break
		}
	}
	close(stop)
	proctest.Result(t, stopped)
}
