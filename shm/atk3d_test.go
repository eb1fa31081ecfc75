package shm_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

func TestAtkdStress(t *testing.T) {
	s := shared.Named(t)
	var stop atomic.Bool
	var leaders, ends, broken, cancelled atomic.Int64
	var worst atomic.Int64
	var wg sync.WaitGroup
	type rec struct{ n, lead atomic.Int32 }
	for i := range 3 {
		seg := s.Another(t)
		b := newBarrier(t, seg, 3)
		wg.Go(func() {
			for !stop.Load() {
				ctx, cancel := context.Background(), func() {}
				switch rand.IntN(40) {
				case 0:
					ctx, cancel = context.WithTimeout(ctx, time.Duration(rand.IntN(200))*time.Microsecond)
				case 1:
					if i == 0 {
						b.Abort()
					}
				case 2:
					time.Sleep(time.Duration(rand.IntN(100)) * time.Microsecond)
				}
				start := time.Now()
				lead, err := b.Wait(ctx)
				d := time.Since(start)
				if int64(d) > worst.Load() {
					worst.Store(int64(d))
				}
				cancel()
				switch {
				case errors.Is(err, shm.ErrBroken):
					broken.Add(1)
					if b.Broken() {
						b.Reset()
					}
				case err != nil:
					cancelled.Add(1)
				case lead:
					leaders.Add(1)
					ends.Add(1)
				default:
					ends.Add(1)
				}
			}
		})
	}
	time.Sleep(8 * time.Second)
	stop.Store(true)
	b := newBarrier(t, s.Segment, 3)
	done := make(chan bool)
	go func() { wg.Wait(); close(done) }()
	for ok := true; ok; {
		b.Abort()
		select {
		case <-done:
			ok = false
		case <-time.After(time.Millisecond):
		}
	}
	t.Logf("ends %d leaders %d broken %d cancelled %d worst %v", ends.Load(), leaders.Load(), broken.Load(), cancelled.Load(), time.Duration(worst.Load()))
	if time.Duration(worst.Load()) > 3*time.Second {
		t.Error("lost wake")
	}
}
