package main

import (
	"context"
	"fmt"
	"testing"
)

func BenchmarkRoundtrip(b *testing.B) { benchmarkWorkload(b, roundtrip) }

func BenchmarkLoaded(b *testing.B) { benchmarkWorkload(b, loaded) }

func BenchmarkStream(b *testing.B) { benchmarkWorkload(b, stream) }

func BenchmarkCapacity(b *testing.B) { benchmarkWorkload(b, capacity) }

func BenchmarkShared(b *testing.B) { benchmarkWorkload(b, shared) }

func BenchmarkLock(b *testing.B) { benchmarkWorkload(b, lock) }

func BenchmarkSemaphore(b *testing.B) { benchmarkWorkload(b, sem) }

func BenchmarkStandstill(b *testing.B) { benchmarkWorkload(b, standstill) }

func BenchmarkIdle(b *testing.B) { benchmarkWorkload(b, idle) }

func BenchmarkCall(b *testing.B) { benchmarkWorkload(b, call) }

func BenchmarkCreate(b *testing.B) { benchmarkWorkload(b, create) }

func BenchmarkPool(b *testing.B) { benchmarkWorkload(b, pool) }

func BenchmarkFactorial(b *testing.B) { benchmarkWorkload(b, factorial) }

func BenchmarkStart(b *testing.B) { benchmarkWorkload(b, starting) }

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
	if r.Size > 0 {
		name += fmt.Sprintf("/size=%d", r.Size)
	}
	if r.batches() {
		name += fmt.Sprintf("/batch=%d", r.Batch)
	}
	if r.contends() {
		name += fmt.Sprintf("/procs=%d", r.Procs)
	}
	return name
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
	sides, err := s.run(command{Ops: m.ops(0, b.N)})
	b.StopTimer()
	if err != nil {
		b.Fatal(err)
	}
	if v := r.value(sides); r.unit() == "msg/s" {
		b.ReportMetric(1e9/v, "ns/op")
		b.ReportMetric(v, "msg/s")
	} else {
		b.ReportMetric(v, "ns/op")
	}
}
