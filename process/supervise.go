package process

import (
	"fmt"
	"sync"
	"time"
)

const (
	// A worker that has ended before it has done anything is replaced after a pause, twice as long each
	// time. After that many in a row, and if no other worker is ready, the pool is broken.
	maxFailures       = 8
	defaultFirstPause = 10 * time.Millisecond

	// A worker that was ready for that long has not failed to start.
	longReady = time.Second
)

var firstPause = defaultFirstPause // another one in tests

// supervise keeps a worker running until the pool ends.
func (p *Pool) supervise(number int) {
	failures, seen := 0, p.useful.Load()
	for p.ctx.Err() == nil {
		useful, err := p.employ(number)
		if n := p.useful.Load(); useful || n != seen {
			failures, seen = 0, n
		}
		if useful {
			continue
		}
		if failures++; failures >= maxFailures && p.ready.Load() == 0 {
			p.cancel(fmt.Errorf("%w: %w", ErrBroken, err))
			return
		}
		pause := time.NewTimer(firstPause << min(failures-1, maxFailures))
		select {
		case <-pause.C:
		case <-p.ctx.Done():
			pause.Stop()
		}
	}
}

// employ starts a worker, and returns when it has ended and what it has left is decided. It
// was useful if it has begun a task, or was ready for long. Otherwise err says how it has ended.
func (p *Pool) employ(number int) (useful bool, err error) {
	l, err := newLink(p)
	if err != nil {
		return false, err
	}
	defer l.close()
	p.links[number].Store(l) // before the worker is there, which may begin something at once
	worker, err := Start(p.ctx, workerMain, workerArg{
		Number: number, Workers: p.opts.Workers, Queue: p.opts.Queue, MaxTasks: p.opts.MaxTasks, Segments: len(p.opts.Segments),
		Init: p.opts.Init.name, InitArg: p.opts.Init.arg,
	}, &Options{
		Daemon: true, Group: true, Grace: p.opts.Grace, Command: p.opts.Command,
		Segments: append(p.opts.Segments[:len(p.opts.Segments):len(p.opts.Segments)], p.shared.Segment, l.shared.Segment),
	})
	if err != nil {
		p.links[number].Store(nil)
		return false, err
	}
	var ends sync.WaitGroup
	ends.Go(func() {
		l.receive()
		worker.Kill() // it has spoilt its link, or has ended
	})
	ends.Go(func() {
		l.deliver()
		worker.Kill() // likewise
	})
	<-worker.Done()
	l.cancel()
	ends.Wait()
	l.drain()
	p.links[number].Store(nil)
	useful = l.outcomes > 0 || l.recalled.Load()
	if !l.ready.IsZero() {
		p.ready.Add(-1)
		useful = useful || time.Since(l.ready) > longReady
	}

	died := WorkerDied{PID: worker.PID(), State: worker.cmd.ProcessState, Stderr: worker.stderr.String(), err: worker.Wait()}
	useful = p.bury(number, l, died) || useful
	p.duty.mark(number, true)
	p.callUp()
	return useful, &died
}

// bury decides what becomes of what a worker has left, and reports whether it has left
// anything that it had begun.
func (p *Pool) bury(number int, l *link, died WorkerDied) (begun bool) {
	for g := range uint32(len(p.at)) {
		w := p.gates.load(g)
		if !w.by(number) {
			continue
		}
		if c := p.at[g].Load(); c != nil {
			begun = true
			if s, again := c.died(ticket{g, w.serial()}, w.index(), died); again {
				p.put(c, s)
			}
		}
	}
	if t := l.wanted; t != (ticket{}) {
		if c := p.at[t.gate].Load(); c != nil {
			c.notFetched(t, died)
		}
	}
	return begun
}

func poison(died *WorkerDied) error { return fmt.Errorf("%w: %w", ErrPoison, died) }
