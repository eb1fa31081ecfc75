package shm_test

import (
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest/shared"
)

// BenchmarkRWLock compares the uncontended paths with those of a sync.RWMutex, by the
// least times of batches that take turns.
func BenchmarkRWLock(b *testing.B) {
	l := newRWLock(b, shared.Named(b).Segment, "rw")
	var m sync.RWMutex
	const batch = 1000
	for _, bench := range []struct {
		name      string
		sync, shm func()
	}{
		{"RLock", func() {
			for range batch {
				m.RLock()
				//lint:ignore SA2001 the pair itself is what is measured
				m.RUnlock()
			}
		}, func() {
			for range batch {
				l.RLock()
				//lint:ignore SA2001 the pair itself is what is measured
				l.RUnlock()
			}
		}},
		{"Lock", func() {
			for range batch {
				m.Lock()
				//lint:ignore SA2001 the pair itself is what is measured
				m.Unlock()
			}
		}, func() {
			for range batch {
				l.Lock()
				//lint:ignore SA2001 the pair itself is what is measured
				l.Unlock()
			}
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			least := [2]time.Duration{time.Hour, time.Hour}
			for range b.N {
				for i, f := range []func(){bench.sync, bench.shm} {
					start := time.Now()
					f()
					least[i] = min(least[i], time.Since(start))
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(least[0])/batch, "ns-sync")
			b.ReportMetric(float64(least[1])/batch, "ns-shm")
		})
	}
}
