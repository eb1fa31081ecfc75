package shm_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestWaitWakesAll has each of many waiters see a change that comes when they sleep.
func TestWaitWakesAll(t *testing.T) {
	eachVariable(t, func(t *testing.T, s shared.Segment, name string) {
		v := variables[name](t, s.Segment)
		others := []variable{v, variables[name](t, s.Another(t)), variables[name](t, s.Another(t))}
		for x := uint64(1); x <= 5; x++ {
			_, version := v.load()
			var waiters []<-chan error
			for _, other := range others {
				for range 3 {
					waiters = append(waiters, proctest.Go(func() error {
						got, now, err := other.wait(context.Background(), version)
						if err == nil && (got != x || now == version) {
							err = fmt.Errorf("woken by %d, version %d", got, now)
						}
						return err
					}))
				}
			}
			proctest.Until(t, "somebody sleeps", v.sleepers)
			v.store(x)
			for _, w := range waiters {
				proctest.Check(t, proctest.Result(t, w))
			}
		}
	})
}

// TestWaitersOfOneProcess has goroutines of one process wait for entries of their own,
// and one of them write while the others sleep.
func TestWaitersOfOneProcess(t *testing.T) {
	table := newTable[int](t, shared.Named(t).Segment, "table", rows)
	for n := uint64(0); n < 20; n++ {
		var waiters []<-chan uint64
		for i := range rows {
			waiters = append(waiters, proctest.Go(func() uint64 {
				_, now, _ := table.Wait(context.Background(), i, n)
				return now
			}))
		}
		for i := rows - 1; i >= 0; i-- {
			proctest.Until(t, "somebody sleeps", func() bool { return table.VersionAwaited(i) })
			table.Store(i, i)
			if now := proctest.Result(t, waiters[i]); now != n+1 {
				t.Fatalf("entry %d: woken by version %d", i, now)
			}
		}
	}
}

// TestWaitTogether has goroutines of one process wait for different versions: each is
// told of each change, also if another has just begun to wait.
func TestWaitTogether(t *testing.T) {
	s := shared.Named(t)
	flag := shared.Value[bool](t, s.Segment, "flag")
	rounds := proctest.Scaled(3000)
	seen := make(chan bool)
	for range 3 {
		_, v := flag.LoadVersion()
		go func() {
			for range rounds {
				x, now, err := flag.Wait(context.Background(), v)
				if err != nil {
					t.Error(err)
				}
				v = now
				seen <- x
			}
		}()
	}
	ended := proctest.Go(func() error {
		for i := range rounds {
			flag.Store(i%2 == 0)
			for range 3 {
				if x := <-seen; x != (i%2 == 0) {
					return fmt.Errorf("round %d: %v", i, x)
				}
			}
		}
		return nil
	})
	proctest.Check(t, proctest.Result(t, ended))
}

// TestEachWriteWakes has somebody asleep for another version while each operation that
// writes makes one.
func TestEachWriteWakes(t *testing.T) {
	s := shared.Named(t)
	small, large := shared.Value[uint64](t, s.Segment, "small"), shared.Value[block](t, s.Segment, "large")
	table := newTable[row](t, s.Segment, "table", rows)
	for _, test := range []struct {
		of     string
		writes map[string]func(x uint64)
	}{
		{"small value", map[string]func(x uint64){
			"Store":          small.Store,
			"Swap":           func(x uint64) { small.Swap(x) },
			"CompareAndSwap": func(x uint64) { small.CompareAndSwap(x-1, x) },
			"Update":         func(x uint64) { small.Update(func(uint64) uint64 { return x }) },
			"Add":            func(uint64) { shm.Add(small, 1) },
		}},
		{"large value", map[string]func(x uint64){
			"Store":          func(x uint64) { large.Store(blockOf(x)) },
			"Swap":           func(x uint64) { large.Swap(blockOf(x)) },
			"CompareAndSwap": func(x uint64) { large.CompareAndSwap(blockOf(x-1), blockOf(x)) },
			"Update":         func(x uint64) { large.Update(func(block) block { return blockOf(x) }) },
		}},
		{"entry", map[string]func(x uint64){
			"Store":  func(x uint64) { table.Store(9, rowOf(x)) },
			"Swap":   func(x uint64) { table.Swap(9, rowOf(x)) },
			"Update": func(x uint64) { table.Update(9, func(row) row { return rowOf(x) }) },
		}},
	} {
		v, x := variables[test.of](t, s.Another(t)), uint64(0)
		for name, write := range test.writes {
			_, version := v.load()
			woken := proctest.Go(func() uint64 { got, _, _ := v.wait(context.Background(), version); return got })
			proctest.Until(t, "somebody sleeps", v.sleepers)
			x++
			write(x)
			if got := proctest.Result(t, woken); got != x {
				t.Errorf("%s of a %s: woken by %d, expected %d", name, test.of, got, x)
			}
		}
	}
}
