//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// idleRows are waits for what does not come.
func idleRows() []row {
	r := row{Workload: idle, Batch: 1, Procs: 1, long: true, clock: cpuTime, wire: wireSegment, attach: attachIdle}
	var rows []row
	for _, r.System = range []string{"ring.SPSC", "ring.MPMC", "ring.Bytes", "ring.BytesMPMC", "shm.Lock", "semaphore"} {
		rows = append(rows, r)
	}
	return rows
}

func attachIdle(r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	wait, err := idleWait(r.System, seg)
	if err != nil {
		return nil, err
	}
	return func(int) (loop, error) {
		return func(_ uint64, n int) error {
			for range n {
				ctx, cancel := context.WithTimeout(context.Background(), idleTime)
				err := wait(ctx)
				cancel()
				if !errors.Is(err, context.DeadlineExceeded) {
					return fmt.Errorf("a wait ended before its time: %w", err)
				}
			}
			return nil
		}, nil
	}, nil
}

// idleWait returns a wait that only its context ends.
func idleWait(system string, seg *shm.Segment) (func(context.Context) error, error) {
	switch system {
	case "ring.SPSC":
		q, err := ring.NewSPSC[[1]uint64](seg, "q", tripCapacity)
		if err != nil {
			return nil, err
		}
		c, err := q.Consumer()
		return func(ctx context.Context) error { _, err := c.Pop(ctx); return err }, err
	case "ring.MPMC":
		q, err := ring.NewMPMC[[1]uint64](seg, "q", tripCapacity)
		return func(ctx context.Context) error { _, err := q.Pop(ctx); return err }, err
	case "ring.Bytes":
		q, err := ring.NewBytes(seg, "q", tripBytes)
		if err != nil {
			return nil, err
		}
		c, err := q.Consumer()
		return func(ctx context.Context) error { _, err := c.Next(ctx); return err }, err
	case "ring.BytesMPMC":
		q, err := ring.NewBytesMPMC(seg, "q", tripBytes)
		return func(ctx context.Context) error { _, err := q.Next(ctx); return err }, err
	case "shm.Lock":
		mu, err := shm.NewLock(seg, "lock")
		if err != nil {
			return nil, err
		}
		mu.Lock()
		return mu.LockContext, nil
	default:
		permits, err := semaphore.New(seg, "permits", 1, nil)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) error { return permits.Acquire(ctx, 1) }, permits.Acquire(context.Background(), 1)
	}
}

// cpuTime returns how long this process has been on a CPU.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
