package shm_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest/shared"
)

// BenchmarkWait locks a lock that another goroutine, or another process, locks for
// 50 µs, again and again. It reports the longest wait, and the 99th of 100.
func BenchmarkWait(b *testing.B) {
	among := func(b *testing.B, mu sync.Locker) {
		var stop atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			for !stop.Load() {
				mu.Lock()
				hold()
				mu.Unlock()
			}
		})
		waits(b, mu)
		stop.Store(true)
		wg.Wait()
	}
	b.Run("Mutex", func(b *testing.B) { among(b, new(sync.Mutex)) })
	b.Run("Lock", func(b *testing.B) { among(b, newLock(b, shared.Named(b).Segment, "mu")) })
	b.Run("Lock/process", func(b *testing.B) {
		s := shared.Named(b)
		p := s.Start(b, "relockers", "1", "")
		p.Expect("ready")
		waits(b, newLock(b, s.Segment, "mu"))
		shared.Value[bool](b, s.Segment, "stop").Store(true)
		p.Wait()
	})
}

func waits(b *testing.B, mu sync.Locker) {
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		mu.Lock()
		took = append(took, time.Since(start))
		mu.Unlock()
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	b.ReportMetric(ms(took[len(took)-1]), "longest-ms")
	b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
}
