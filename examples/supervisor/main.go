// Command supervisor runs jobs in worker processes, and starts another worker where
// one has died. Job 7 kills the first worker that takes it up, job 13 every worker.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"sync"

	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

const (
	jobs     = 20
	workers  = 3
	maxTries = 3
)

// Job and Result are plain: they lie in shared memory as they are.
type Job struct{ Number int64 }

type Result struct {
	Number, Square int64
	Poison         bool // the job has killed as many workers as it may
}

func main() {
	process.Main()
	if err := supervise(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// board is what the processes share.
type board struct {
	jobs    *ring.MPMC[Job]
	results *ring.MPMC[Result]
}

// boardOf finds the objects in the segment, or makes them.
func boardOf(seg *shm.Segment) (b board, err error) {
	if b.jobs, err = ring.NewMPMC[Job](seg, "jobs", 64); err != nil {
		return b, err
	}
	b.results, err = ring.NewMPMC[Result](seg, "results", 64)
	return b, err
}

// supervise makes the segment, keeps the workers running, and collects the results.
func supervise(ctx context.Context) error {
	name := fmt.Sprintf("supervisor-%d", os.Getpid())
	seg, err := shm.Create(name, ring.MPMCSize[Job](64)+ring.MPMCSize[Result](64), nil)
	if err != nil {
		return err
	}
	defer shm.Remove(name, nil)
	defer seg.Close()
	b, err := boardOf(seg)
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel(nil)
	for range workers {
		running.Go(func() { cancel(keepRunning(ctx, seg)) })
	}
	for n := range int64(jobs) {
		if err := b.jobs.Push(ctx, Job{n}); err != nil {
			return err
		}
	}
	if err := b.jobs.Close(); err != nil { // the workers end when it is drained
		return err
	}

	// A worker that dies between its Push and its Release leaves the job to another,
	// and so a result may come twice.
	results := map[int64]Result{}
	for len(results) < jobs {
		r, err := b.results.Pop(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", err, context.Cause(ctx))
		}
		results[r.Number] = r
	}
	for n := range int64(jobs) {
		if results[n].Poison {
			fmt.Println(n, "kills its workers")
		} else {
			fmt.Println(n, results[n].Square)
		}
	}
	return nil
}

// keepRunning runs one worker after another, until one ends by itself.
func keepRunning(ctx context.Context, seg *shm.Segment) error {
	opts := &process.Options{Daemon: true, Segments: []*shm.Segment{seg}}
	for ctx.Err() == nil {
		worker, err := process.Start(ctx, work, struct{}{}, opts)
		if err != nil {
			return err
		}
		if worker.Wait() == nil {
			<-ctx.Done() // the jobs are done
		}
	}
	return nil
}

// work does jobs until there are no more.
var work = process.Register("work", func(ctx context.Context, _ struct{}) error {
	seg, err := process.Segment(0, nil)
	if err != nil {
		return err
	}
	defer seg.Close()
	b, err := boardOf(seg)
	if err != nil {
		return err
	}
	for {
		job, err := b.jobs.Next(ctx) // the job stays in the ring until Release
		if err == ring.ErrClosed {
			return nil
		}
		if err != nil {
			return err
		}
		n := job.Value().Number
		r := Result{Number: n, Poison: job.Deliveries() > maxTries}
		if !r.Poison {
			r.Square = square(n, job.Deliveries())
		}
		if err := b.results.Push(ctx, r); err != nil {
			return err
		}
		if err := job.Release(); err != nil {
			return err
		}
	}
})

// square is what a job does. It kills this process at times.
func square(n int64, try int) int64 {
	if n == 7 && try == 1 || n == 13 {
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
		select {} // dying
	}
	return n * n
}
