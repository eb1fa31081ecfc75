package main

import (
	"runtime"
	"sync/atomic"
	"time"
)

// maxSamples bounds how many round trips of one command are timed one by one.
const maxSamples = 200_000

// A driver runs the commands of one side of one row, and times them.
type driver struct {
	row  row
	side int
	loop loop
	seq  uint64 // number of the next message
	meet *meeting
}

// run carries out one command. The side that measures reports the time of
// exactly c.Ops operations.
func (d *driver) run(c command) (sideReport, error) {
	switch {
	case d.row.trips():
		return d.roundtrip(c)
	case d.row.streams():
		return d.stream(c)
	default:
		return d.contend(c)
	}
}

func (d *driver) do(n int) error {
	err := d.loop(d.seq, n)
	d.seq += uint64(n)
	return err
}

// roundtrip asks Ops times, or answers as often. A sampled command reads
// the clock once a trip, which adds to what it reads; so the mean of a
// round and its percentiles come from separate commands.
func (d *driver) roundtrip(c command) (sideReport, error) {
	if d.side == 1 || !c.Sample {
		start := time.Now()
		err := d.do(c.Ops)
		return sideReport{Ops: c.Ops, Nanos: time.Since(start).Nanoseconds() * int64(1-d.side)}, err
	}
	nanos := make([]int64, c.Ops)
	start := time.Now()
	last := start
	for i := range nanos {
		if err := d.do(1); err != nil {
			return sideReport{}, err
		}
		now := time.Now()
		nanos[i] = now.Sub(last).Nanoseconds()
		last = now
	}
	hist, err := encodeHistogram(nanos)
	return sideReport{Ops: c.Ops, Nanos: last.Sub(start).Nanoseconds(), Hist: hist}, err
}

// stream sends or receives Ops messages after a first batch that starts the
// receiver's clock, so that the time is that of messages arriving one upon
// the other.
func (d *driver) stream(c command) (sideReport, error) {
	if d.side == 0 {
		return sideReport{}, d.do(d.row.Batch + c.Ops)
	}
	if err := d.do(d.row.Batch); err != nil {
		return sideReport{}, err
	}
	start := time.Now()
	err := d.do(c.Ops)
	return sideReport{Ops: c.Ops, Nanos: time.Since(start).Nanoseconds()}, err
}

// alone does Ops operations by the row's own clock.
func (d *driver) alone(c command) (sideReport, error) {
	clock := d.row.clock
	if clock == nil {
		begin := time.Now()
		clock = func() time.Duration { return time.Since(begin) }
	}
	start := clock()
	err := d.do(c.Ops)
	return sideReport{Ops: c.Ops, Nanos: (clock() - start).Nanoseconds()}, err
}

// stride is how many operations a contending side does between two looks at
// whether another has finished, if they do not come in larger batches.
const stride = 64

// contend does Ops operations, if its side is alone. Several sides go on until
// the first has done Ops, so that all contend all the time; only those that
// send to each other all do Ops, lest a receiver waits in vain. A crowd also
// ends when its time is up, and looks how long each side stood still.
func (d *driver) contend(c command) (sideReport, error) {
	if d.meet == nil {
		return d.alone(c)
	}
	d.meet.wait(c.Epoch, d.row.Procs)
	start := time.Now()
	last, still := start, time.Duration(0)
	done := 0
	for done < c.Ops && (d.row.Mode == split || d.meet.finished.Load() < uint64(c.Epoch)) {
		n := min(max(stride, d.row.Batch), c.Ops-done)
		if err := d.do(n); err != nil {
			return sideReport{}, err
		}
		done += n
		if d.row.crowded() {
			now := time.Now()
			last, still = now, max(still, now.Sub(last))
			if c.Nanos > 0 && now.Sub(start) >= time.Duration(c.Nanos) {
				break
			}
		}
	}
	end := time.Now()
	d.meet.finished.Store(uint64(c.Epoch))
	still = max(still, end.Sub(last))
	return sideReport{Ops: done, Nanos: end.Sub(start).Nanoseconds(), Still: still.Nanoseconds()}, nil
}

// A meeting lets contending sides start together and stop together. Its
// words live in a shared mapping, or on the heap if the sides are goroutines.
type meeting struct {
	arrived  *atomic.Uint64 // sides that have arrived, over all epochs; each adds 1 an epoch
	finished *atomic.Uint64 // the last epoch in which a side has finished
}

func newMeeting(mem []byte) *meeting {
	if mem == nil {
		return &meeting{new(atomic.Uint64), new(atomic.Uint64)}
	}
	return &meeting{sharedWord(mem, 0), sharedWord(mem, 2*lineSize)}
}

// wait returns when all sides have arrived at epoch.
func (m *meeting) wait(epoch uint32, sides int) {
	all := uint64(epoch) * uint64(sides)
	m.arrived.Add(1)
	for spins := 0; m.arrived.Load() < all; spins++ {
		if spins < 1000 {
			runtime.Gosched()
		} else {
			time.Sleep(10 * time.Microsecond)
		}
	}
}
