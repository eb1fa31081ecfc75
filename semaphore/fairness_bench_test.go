package semaphore_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	xsemaphore "golang.org/x/sync/semaphore"

	"github.com/isthmus-go/isthmus/internal/proctest/shared"
)

// BenchmarkWait asks for all of four permits while four others take single ones for
// 2 ms, again and again: as goroutines, or as processes of four. It reports the
// longest wait, and the 99th of 100.
func BenchmarkWait(b *testing.B) {
	b.Run("Weighted", func(b *testing.B) {
		sem := xsemaphore.NewWeighted(4)
		defer takeAll(sem, 4)()
		waits(b, sem)
	})
	b.Run("Semaphore", func(b *testing.B) {
		sem := newSemaphore(b, shared.Named(b).Segment, 4, nil)
		defer takeAll(sem, 4)()
		waits(b, sem)
	})
	b.Run("Weighted/8", func(b *testing.B) {
		sem := xsemaphore.NewWeighted(4)
		defer takeAll(sem, 8)()
		waits(b, sem)
	})
	b.Run("Semaphore/2 processes", func(b *testing.B) {
		s := shared.Named(b)
		sem := newSemaphore(b, s.Segment, 4, nil)
		procs := s.StartAll(b, 2, "takers", "")
		for _, p := range procs {
			p.Expect("ready")
		}
		waits(b, sem)
		shared.Value[bool](b, s.Segment, "stop").Store(true)
		for _, p := range procs {
			p.Wait()
		}
	})
}

// takeAll has n goroutines take single permits until the function that it returns
// is called.
func takeAll(sem weighted, n int) (end func()) {
	var begun, wg sync.WaitGroup
	var stop atomic.Bool
	for range n {
		begun.Add(1)
		wg.Go(func() {
			for first := true; !stop.Load(); first = false {
				_ = sem.Acquire(context.Background(), 1)
				if first {
					begun.Done()
				}
				time.Sleep(2 * time.Millisecond)
				sem.Release(1)
			}
		})
	}
	begun.Wait()
	return func() { stop.Store(true); wg.Wait() }
}

func waits(b *testing.B, sem weighted) {
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		if err := sem.Acquire(context.Background(), 4); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
		sem.Release(4)
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	b.ReportMetric(ms(took[len(took)-1]), "longest-ms")
	b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
}
