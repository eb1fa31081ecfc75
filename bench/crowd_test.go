package main

import (
	"testing"
	"time"
)

// Messages of one sender that come out of order, twice or damaged are seen;
// those of different senders may come as they like.
func TestArrivals(t *testing.T) {
	for _, test := range []struct {
		name string
		ms   []uint64
		ok   bool
	}{
		{"in order, with gaps", []uint64{numbered(1, 0), numbered(1, 1), numbered(1, 5)}, true},
		{"two senders", []uint64{numbered(1, 7), numbered(2, 0), numbered(1, 8), numbered(2, 1)}, true},
		{"overtaken", []uint64{numbered(1, 1), numbered(1, 0)}, false},
		{"twice", []uint64{numbered(1, 1), numbered(1, 1)}, false},
		{"no such sender", []uint64{numbered(crowd, 1)}, false},
		{"nothing", []uint64{0}, false},
	} {
		seen := new(arrivals)
		ok := true
		for _, m := range test.ms {
			ok = ok && seen.take(m)
		}
		if ok != test.ok {
			t.Errorf("%s: taken %v, want %v", test.name, ok, test.ok)
		}
	}
}

func TestValueOfSeveralSides(t *testing.T) {
	sides := []sideReport{{Ops: 10, Nanos: 1000, Still: 70}, {Ops: 30, Nanos: 2000, Still: 400}}
	for _, test := range []struct {
		row  row
		want float64
	}{
		{row{Workload: shared, Mode: both, Procs: 2}, 40 / 2e-6},
		{row{Workload: shared, Mode: split, Procs: 2}, 20 / 2e-6},
		{row{Workload: lock, Procs: 2}, 50},
		{row{Workload: standstill, Procs: 2}, 400},
	} {
		if got := test.row.value(sides); got != test.want {
			t.Errorf("%s %s: value %v, want %v", test.row.Workload, test.row.Mode, got, test.want)
		}
	}
}

// A crowd works for its time and tells of the longest pause; sides that send
// to each other do as many operations as they were told.
func TestContendStopsInTime(t *testing.T) {
	pause := 5 * time.Millisecond
	for _, test := range []struct {
		mode string
		want int
	}{{both, 2 * stride}, {split, 4 * stride}} {
		calls := 0
		d := &driver{row: row{Workload: shared, Mode: test.mode, Procs: 1}, meet: newMeeting(nil)}
		d.loop = func(uint64, int) error {
			if calls++; calls == 2 {
				time.Sleep(pause) // not for order: it is what is measured
			}
			return nil
		}
		c := command{Ops: 4 * stride, Epoch: 1, Nanos: int64(pause)}
		if test.mode == split {
			c.Nanos = 0
			d.meet.finished.Store(1) // by another side, which keeps none of these from its share
		}
		side, err := d.contend(c)
		if err != nil || side.Ops != test.want || side.Still < int64(pause) || side.Nanos < side.Still {
			t.Errorf("%s: %+v, %v; want %d operations and a pause of %v", test.mode, side, err, test.want, pause)
		}
	}
}

// Where the sides share CPUs, a round is one run, for a time; else it is of a
// number of operations.
func TestCommandOfACrowd(t *testing.T) {
	for name, limited := range map[string]bool{
		"shared/ring.MPMC/both/8/256/8":        true,
		"shared/ring.MPMC/both/8/1/2":          true,
		"shared/ring.MPMC/split/8/1/8":         false,
		"shared/ring.BytesMPMC/split/1024/1/4": false,
		"shared/ring.BytesMPMC/both/8/256/8":   true,
		"lock/sync.Mutex/2":                    false,
		"lock/sync.Mutex/8":                    true,
		"standstill/sync.Mutex/8":              true,
		"standstill/chan/split/8/1/8":          false,
		"stream/ring.MPMC/zerocopy/8/1":        false,
		"roundtrip/ring.SPSC/default/8":        false,
		"loaded/ring.SPSC/default/8":           false,
		"shared/chan/both/8/256/2":             true,
		"semaphore/chan/2":                     false,
		"shared/chan/split/8/1/2":              false,
		"standstill/ring.MPMC/both/8/1/8":      true,
	} {
		r := mustFind(t, name)
		m := measurement{row: r, perOp: 1}
		c := m.command(time.Second, 0)
		if got := c.Nanos == int64(time.Second); got != limited || c.Ops%r.Batch != 0 || c.Ops <= 0 {
			t.Errorf("%s: %+v, want a limit of time: %v", name, c, limited)
		}
		if c := m.command(time.Second, 3); c.Nanos != 0 || c.Ops != max(3, r.Batch) {
			t.Errorf("%s: %+v for a fixed number of operations", name, c)
		}
	}
}

// A message that a sender sends twice is noticed at the other end.
func TestSharedLoopsCheckTheOrder(t *testing.T) {
	join, err := attachSharedChan(row{Workload: shared, Mode: split, Procs: 2, Batch: 1}, inherited{})
	if err != nil {
		t.Fatal(err)
	}
	send, err := join(0)
	if err != nil {
		t.Fatal(err)
	}
	receive, err := join(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, seq := range []uint64{3, 3} {
		if err := send(seq, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := receive(0, 1); err != nil {
		t.Errorf("first time: %v", err)
	}
	if err := receive(0, 1); err == nil {
		t.Error("a message was taken twice")
	}
}

// What computes beside a loaded row does so until the session ends.
func TestLoadEndsWithTheSession(t *testing.T) {
	s := mustStart(t, "loaded/chan/default/8")
	if s.load == nil {
		t.Fatal("nothing computes beside a loaded row")
	}
	if _, err := s.run(command{Ops: 10}); err != nil {
		t.Error(err)
	}
	s.close()
	if s.load.ProcessState == nil {
		t.Error("the load goes on after the session's end")
	}
	alone := mustStart(t, "roundtrip/chan/default/8")
	if alone.load != nil {
		t.Error("a load beside a row that asks for none")
	}
}
