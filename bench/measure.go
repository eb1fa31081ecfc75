package main

import (
	"context"
	"math"
	"time"
)

// A plan says how long and how often each row is measured.
type plan struct {
	rounds  int
	warmUp  time.Duration           // at the start of each round
	runs    int                     // in each round, whose value is their median: one that is disturbed does not count
	measure time.Duration           // each run
	sample  time.Duration           // round trips timed one by one
	ops     int                     // if not 0, exactly as many operations instead of the times above
	spare   time.Duration           // what rounds may take, over the whole run, that are repeated because the distance of the CPUs changed
	limit   func() (float64, error) // takes the place of the gauge, in tests
}

var (
	fullPlan  = plan{rounds: 5, warmUp: 40 * time.Millisecond, runs: 5, measure: 40 * time.Millisecond, sample: 100 * time.Millisecond, spare: 2 * time.Minute}
	quickPlan = plan{rounds: 3, warmUp: 8 * time.Millisecond, runs: 5, measure: 8 * time.Millisecond, sample: 25 * time.Millisecond, spare: 8 * time.Second}
)

// A measurement collects the rounds of one row.
type measurement struct {
	row    row
	rounds []roundResult
	perOp  float64 // nanoseconds an operation of one side takes, as last seen
	err    error   // what ended it early
}

type roundResult struct {
	value float64 // in the row's unit
	trips []byte  // an encoded histogram of round trips, for rows that have them

	limits [2]float64 // right before and after it
	usage  usage      // of the CPUs, by all
}

// round starts fresh peers, warms them up, and measures.
func (m *measurement) round(ctx context.Context, p plan) (roundResult, error) {
	var result roundResult
	before := readUsage()
	s, err := startSession(ctx, m.row)
	if err != nil {
		return result, err
	}
	defer s.close()
	if err := m.warmUp(s, p); err != nil {
		return result, err
	}
	runs, each := p.runs, p.measure
	if m.row.crowded() {
		runs, each = 1, 2*time.Duration(runs)*each
	}
	if m.perOp > float64(each) {
		runs = 1
	}
	values := make([]float64, runs)
	for i := range values {
		sides, err := s.run(m.command(each, p.ops))
		if err != nil {
			return result, err
		}
		values[i] = m.row.value(sides)
	}
	result.value = median(values)
	if m.row.trips() {
		sample := p.sample
		if m.row.Workload == loaded {
			sample *= 4 // its rare, long trips are what it is about
		}
		sides, err := s.run(command{Ops: min(maxSamples, m.ops(sample, p.ops)), Sample: true})
		if err != nil {
			return result, err
		}
		if result.trips, err = sides[0].histogram(); err != nil {
			return result, err
		}
	}
	result.usage = readUsage().since(before) // as long as the peers are there to be counted
	return result, nil
}

// command makes each side work for d, or do a fixed number of operations if
// that is not 0.
func (m *measurement) command(d time.Duration, fixed int) command {
	if fixed > 0 || !m.row.crowded() || m.row.Mode == split || m.row.streams() {
		return command{Ops: m.ops(d, fixed)}
	}
	return command{Ops: math.MaxInt32 / m.row.Batch * m.row.Batch, Nanos: d.Nanoseconds()}
}

// warmUp runs ever longer commands until one takes as long as the plan
// asks, and learns from it how many operations fill a given time.
func (m *measurement) warmUp(s *session, p plan) error {
	if m.row.Workload == idle {
		m.perOp = float64(idleTime)
		return nil
	}
	if p.ops > 0 {
		_, err := s.run(m.command(0, 1))
		return err
	}
	target := float64(p.warmUp.Nanoseconds())
	if len(m.rounds) == 0 {
		m.perOp = target / 16 // start with 16 operations
	}
	if m.row.slow() {
		m.perOp = target // which take too long
	}
	for {
		c := m.command(p.warmUp, 0)
		sides, err := s.run(c)
		if err != nil {
			return err
		}
		nanos, most := m.row.elapsed(sides)
		m.perOp = float64(max(nanos, 1)) / float64(most)
		if float64(nanos) >= target/2 {
			return nil
		}
		// A short command says little about a long one: grow by 16 at most.
		m.perOp = max(m.perOp, target/float64(16*c.Ops))
	}
}

// ops returns how many operations take d, in whole batches.
func (m *measurement) ops(d time.Duration, fixed int) int {
	if m.row.Workload == idle {
		return 1 // which is a second
	}
	n := fixed
	if n == 0 {
		n = int(math.Ceil(float64(d.Nanoseconds()) / m.perOp))
	}
	batch := m.row.Batch
	return (max(n, 1) + batch - 1) / batch * batch
}

// elapsed returns the time that the operations took by the clock of the
// side that measures, and the most operations that a side did.
func (r row) elapsed(sides []sideReport) (nanos int64, ops int) {
	for _, s := range sides {
		nanos, ops = max(nanos, s.Nanos), max(ops, s.Ops)
	}
	return nanos, ops
}

// value turns the reports of one command into the row's unit. What contending
// sides do is added up: the value is the time from one pair to the next, or
// the rate of messages, whoever does it.
func (r row) value(sides []sideReport) float64 {
	nanos, ops := r.elapsed(sides)
	nanos = max(nanos, 1)
	total, still := 0, int64(0)
	for _, s := range sides {
		total += s.Ops
		still = max(still, s.Still)
	}
	switch {
	case r.trips(), r.Workload == call:
		return float64(nanos) / float64(ops)
	case r.streams():
		return float64(ops) / float64(nanos) * 1e9
	case r.Workload == standstill:
		return float64(still)
	case r.Workload == shared && r.Mode == split:
		total /= 2 // each message is one side's to send, and another's to receive
	}
	if r.Workload == shared {
		return float64(total) / float64(nanos) * 1e9
	}
	return float64(nanos) / float64(total)
}
