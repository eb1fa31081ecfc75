package liveness

import (
	"fmt"
	"path/filepath"
	"testing"
)

func BenchmarkCensus(b *testing.B) {
	for _, n := range []int{10, 100, 300, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "table")
			var t *Table
			for range n {
				table, m, err := attach(path, n)
				if err != nil {
					b.Fatal(err)
				}
				defer m.Unmap()
				defer table.Close()
				t = table
			}
			for b.Loop() {
				t.Census(0)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/slot")
		})
	}
}
