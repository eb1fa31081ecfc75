package wait

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func newLobby() *Lobby {
	l := new(Lobby)
	l.Init(attachment{0, new([4]bool)})
	return l
}

// TestSeats has goroutines wait for the same words, and for others: those of the same
// words share a Queue, which goes with the last of them.
func TestSeats(t *testing.T) {
	l := newLobby()
	words := new([2]Words)
	first, second := l.enter(&words[0]), l.enter(&words[0])
	if first != second {
		t.Error("two Queues of one process for the same words")
	}
	if other := l.enter(&words[1]); other == first {
		t.Error("one Queue for different words")
	}
	l.leave(&words[0])
	if third := l.enter(&words[0]); third != first {
		t.Error("a new Queue, although somebody still waits in the old one")
	}
	for range 2 {
		l.leave(&words[0])
	}
	if len(l.seats) != 1 {
		t.Errorf("%d seats, expected that of the other words", len(l.seats))
	}
	l.leave(&words[1])
	if len(l.seats) != 0 {
		t.Errorf("nobody is here, and there are %d seats", len(l.seats))
	}
}

// TestLobbyKeepsOut has goroutines take a lock in turns that is given back by the
// words alone, and others give up. No wake-up is lost, and nobody is left behind.
func TestLobbyKeepsOut(t *testing.T) {
	asleepAtOnce(t)
	l := newLobby()
	type lock struct {
		_     [0]atomic.Uint64 // aligns words on 32-bit platforms
		words Words
		held  atomic.Bool
		n     int
	}
	locks := new([3]lock)
	const rounds = 67 * len(locks)
	take := func(k *lock) func(first bool) bool {
		return func(first bool) bool { return (first || !k.words.Barred()) && k.held.CompareAndSwap(false, true) }
	}
	give := func(k *lock) {
		k.held.Store(false)
		if k.words.Waiting() {
			k.words.Wake(1)
		}
	}
	notSlept(t, func() error {
		SetSlice(10 * time.Second) // a lost wake-up cannot hide
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for i := range rounds {
					k := &locks[i%len(locks)]
					if err := l.Await(context.Background(), &k.words, take(k), func() {}); err != nil {
						t.Error(err)
						return
					}
					k.n++
					if i%8 == 0 {
						time.Sleep(100 * time.Microsecond)
					} else {
						runtime.Gosched()
					}
					give(k)
				}
			})
		}
		wg.Go(func() {
			for i := range rounds {
				k := &locks[i%len(locks)]
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*10*time.Microsecond)
				switch err := l.Await(ctx, &k.words, take(k), func() {}); {
				case err == nil:
					give(k)
				case !errors.Is(err, context.DeadlineExceeded):
					t.Error(err)
				}
				cancel()
			}
		})
		wg.Wait()
		return nil
	})
	for i := range locks {
		if k := &locks[i]; k.n != 4*rounds/len(locks) || k.held.Load() || k.words.Barred() {
			t.Errorf("lock %d was taken %d times, is held: %v, barred: %v", i, k.n, k.held.Load(), k.words.Barred())
		}
	}
	if len(l.seats) != 0 {
		t.Errorf("%d seats are left", len(l.seats))
	}
}
