package main

import (
	"math"
	"slices"
	"testing"
	"time"
)

// The value of a row is in its unit, whatever its sides report.
func TestValue(t *testing.T) {
	asked := []sideReport{{Ops: 40, Nanos: 2000}, {Ops: 40}}
	received := []sideReport{{}, {Ops: 40, Nanos: 2000}}
	for _, test := range []struct {
		row   row
		sides []sideReport
		want  float64
		unit  string
	}{
		{row{Workload: roundtrip, Procs: 2}, asked, 50, "ns"},
		{row{Workload: loaded, Procs: 2}, asked, 50, "ns"},
		{row{Workload: stream, Batch: 1, Procs: 2}, received, 20e6, "msg/s"},
		{row{Workload: stream, Batch: 256, Procs: 2}, received, 20e6, "msg/s"},
		{row{Workload: capacity, Batch: 1, Procs: 2}, received, 20e6, "msg/s"},
		{row{Workload: shared, Mode: both, Procs: 2}, []sideReport{{Ops: 10, Nanos: 1500}, {Ops: 30, Nanos: 2000}}, 20e6, "msg/s"},
		{row{Workload: lock, Procs: 1}, []sideReport{{Ops: 40, Nanos: 2000}}, 50, "ns/op"},
		{row{Workload: sem, Procs: 2}, []sideReport{{Ops: 10, Nanos: 1500}, {Ops: 30, Nanos: 2000}}, 50, "ns/op"},
		{row{Workload: create, Procs: 1}, []sideReport{{Ops: 40, Nanos: 2000}}, 50, "ns"},
	} {
		r := test.row
		if got := r.value(test.sides); math.Abs(got/test.want-1) > 1e-9 || r.unit() != test.unit {
			t.Errorf("%s: %v %s, want %v %s", r.Workload, got, r.unit(), test.want, test.unit)
		}
	}
}

// A slowLoop takes a time for each operation that it is asked for, and counts.
type slowLoop struct {
	pause time.Duration
	done  int
}

func (l *slowLoop) loop(_ uint64, n int) error {
	l.done += n
	time.Sleep(time.Duration(n) * l.pause) // not for order: it is what is measured
	return nil
}

// A side reports as many operations as it did, and a time that lies between
// what they took and what the whole command took.
func TestDriverCountsAndTimes(t *testing.T) {
	const pause = 2 * time.Millisecond
	for _, test := range []struct {
		row    row
		side   int
		sample bool
		first  int // operations before the clock runs
		silent bool
	}{
		{row: row{Workload: roundtrip, Batch: 1, Procs: 2}},
		{row: row{Workload: roundtrip, Batch: 1, Procs: 2}, sample: true},
		{row: row{Workload: roundtrip, Batch: 1, Procs: 2}, side: 1, silent: true},
		{row: row{Workload: stream, Batch: 4, Procs: 2}, side: 1, first: 4},
		{row: row{Workload: lock, Batch: 1, Procs: 1}},
	} {
		slow := &slowLoop{pause: pause}
		d := &driver{row: test.row, side: test.side, loop: slow.loop}
		const ops = 8
		start := time.Now()
		side, err := d.run(command{Ops: ops, Epoch: 1, Sample: test.sample})
		took := time.Since(start)
		if err != nil {
			t.Fatal(err)
		}
		name := test.row.Workload
		if side.Ops != ops || slow.done != ops+test.first {
			t.Errorf("%s: %d operations reported, %d done; want %d and %d", name, side.Ops, slow.done, ops, ops+test.first)
		}
		low, high := ops*pause, took-time.Duration(test.first)*pause
		if test.silent {
			low, high = 0, 0
		}
		if nanos := time.Duration(side.Nanos); nanos < low || nanos > high {
			t.Errorf("%s, side %d: %v reported, want %v to %v", name, test.side, nanos, low, high)
		}
		if !test.sample {
			continue
		}
		trips, err := mergedTrips([]roundResult{{trips: side.Hist}})
		if err != nil {
			t.Fatal(err)
		}
		if trips.TotalCount() != ops || trips.Min() < int64(pause)*999/1000 || trips.Mean()*ops > float64(took)*1.001 {
			t.Errorf("%d trips of %v at least and %v in the mean, want %d of %v",
				trips.TotalCount(), time.Duration(trips.Min()), time.Duration(trips.Mean()), ops, pause)
		}
	}
}

// Percentiles are those of the trips, over all rounds.
func TestPercentiles(t *testing.T) {
	m := &measurement{row: mustFind(t, "roundtrip/chan/default/8")}
	var nanos []int64
	for v := range int64(10_000) {
		nanos = append(nanos, v+1)
	}
	for part := range slices.Chunk(nanos, 2_500) {
		encoded, err := encodeHistogram(part)
		if err != nil {
			t.Fatal(err)
		}
		m.rounds = append(m.rounds, roundResult{value: 1, trips: encoded})
	}
	results, err := m.results()
	if err != nil || len(results) != 1 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	r := results[0]
	for name, p := range map[string]struct{ got, want int64 }{
		"p50": {*r.P50, 5_000}, "p99": {*r.P99, 9_900}, "p99.9": {*r.P999, 9_990},
	} {
		if p.got < p.want || p.got > p.want*1001/1000 { // three digits
			t.Errorf("%s is %d, want %d", name, p.got, p.want)
		}
	}
}
