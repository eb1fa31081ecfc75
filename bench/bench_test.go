package main

import (
	"context"
	"fmt"
	"testing"
)

func BenchmarkRoundtrip(b *testing.B) { benchmarkWorkload(b, roundtrip) }

func BenchmarkStream(b *testing.B) { benchmarkWorkload(b, stream) }

func BenchmarkLock(b *testing.B) { benchmarkWorkload(b, lock) }

func BenchmarkSemaphore(b *testing.B) { benchmarkWorkload(b, sem) }

// benchmarkWorkload runs the rows of one workload as sub-benchmarks. The
// sides are the same processes as in the program, so the time reported is
// the one that they measure; the test's own clock only chooses b.N.
func benchmarkWorkload(b *testing.B, workload string) {
	for _, r := range allRows() {
		if r.Workload == workload {
			b.Run(r.benchName(), func(b *testing.B) { benchmarkRow(b, r) })
		}
	}
}

// benchName is the row's name in the form key=value that benchstat can sort by.
func (r row) benchName() string {
	name := "system=" + r.System
	if r.Mode != "" {
		name += "/mode=" + r.Mode
	}
	switch r.Workload {
	case roundtrip:
		return fmt.Sprintf("%s/size=%d", name, r.Size)
	case stream:
		return fmt.Sprintf("%s/size=%d/batch=%d", name, r.Size, r.Batch)
	default:
		return fmt.Sprintf("%s/procs=%d", name, r.Procs)
	}
}

func benchmarkRow(b *testing.B, r row) {
	s, err := startSession(context.Background(), r)
	if err != nil {
		b.Fatal(err)
	}
	defer s.close()
	m := &measurement{row: r}
	if err := m.warmUp(s, quickPlan); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	sides, err := s.run(m.ops(0, b.N), false)
	b.StopTimer()
	if err != nil {
		b.Fatal(err)
	}
	if v := r.value(sides); r.Workload == stream {
		b.ReportMetric(1e9/v, "ns/op")
		b.ReportMetric(v, "msg/s")
	} else {
		b.ReportMetric(v, "ns/op")
	}
}
