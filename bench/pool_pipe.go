package main

import (
	"bufio"
	"context"
	"encoding/gob"
	"errors"
	"io"
	"iter"
	"math/big"
	"os"
	"os/exec"
)

// pipeWorkerEnv makes this executable a worker of a pipePool. Its value says which one.
const pipeWorkerEnv = "ISTHMUS_BENCH_PIPE_WORKER"

// pipeWorkers are the lives of the workers. The name of the function is that of the pool.
var pipeWorkers = map[string]func() error{
	"square":    func() error { return servePipe(os.Stdin, os.Stdout, func(x uint64) uint64 { return x * x }) },
	"factorial": func() error { return servePipe[int, *big.Int](os.Stdin, os.Stdout, factorialOf) },
}

// pipePoolRows are the same tasks on a pool as one would write it on os/exec and encoding/gob.
func pipePoolRows() []row {
	return squareRows(row{System: "pipe", attach: attachPipePool})
}

func attachPipePool(r row, _ inherited) (joiner, error) {
	p, err := newPipePool[uint64, uint64]("square")
	if err != nil {
		return nil, err
	}
	return squarerOn(p).join(r), nil
}

func squarerOn(p *pipePool[uint64, uint64]) squarer {
	return squarer{
		call:  func(x uint64) (uint64, error) { return p.begin(x).Wait(context.Background()) },
		begin: func(x uint64) waiter { return p.begin(x) },
		all:   func(xs iter.Seq[uint64]) iter.Seq2[uint64, error] { return p.all(xs, squareChunk) },
	}
}

// A pipePool has workers that read jobs from their standard input, and write results to their
// standard output. Whichever worker is free takes the next job, and several ahead, so that it never waits.
// The encoders last, so that types are described once. What is there together is written together.
type pipePool[A, R any] struct{ jobs chan *pipeJob[A, R] }

// A pipeJob is a task, or a chunk of tasks.
type pipeJob[A, R any] struct {
	args    []A
	results []R
	done    chan error // has room for one
}

func newPipePool[A, R any](name string) (*pipePool[A, R], error) {
	p := &pipePool[A, R]{make(chan *pipeJob[A, R], outstanding)}
	for range poolWorkers {
		if err := p.hire(name); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// hire starts a worker, which ends with this process.
func (p *pipePool[A, R]) hire(name string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	there, err := newPipe()
	if err != nil {
		return err
	}
	back, err := newPipe()
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), pipeWorkerEnv+"="+name)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = there[0], back[1], os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := errors.Join(there[0].Close(), back[1].Close()); err != nil {
		return err
	}
	ahead := make(chan *pipeJob[A, R], outstanding/poolWorkers)
	go p.send(there[1], ahead)
	go p.receive(back[0], ahead)
	return nil
}

// send passes jobs to a worker. It writes what it has before it waits. What goes wrong there,
// whoever receives notices as well.
func (p *pipePool[A, R]) send(w io.Writer, ahead chan<- *pipeJob[A, R]) {
	out := bufio.NewWriterSize(w, 64<<10)
	enc := gob.NewEncoder(out)
	for {
		var job *pipeJob[A, R]
		select {
		case job = <-p.jobs:
		default:
			out.Flush()
			job = <-p.jobs
		}
		select {
		case ahead <- job:
		default:
			out.Flush()
			ahead <- job
		}
		enc.Encode(job.args)
	}
}

// receive takes the results of a worker, which come in the order of the jobs.
func (p *pipePool[A, R]) receive(r io.Reader, ahead <-chan *pipeJob[A, R]) {
	dec := gob.NewDecoder(bufio.NewReaderSize(r, 64<<10))
	for job := range ahead {
		err := dec.Decode(&job.results)
		if err == nil && len(job.results) != len(job.args) {
			err = errors.New("not as many results as tasks")
		}
		job.done <- err
	}
}

func (p *pipePool[A, R]) begin(args ...A) *pipeJob[A, R] {
	job := &pipeJob[A, R]{args: args, done: make(chan error, 1)}
	p.jobs <- job
	return job
}

// Wait returns the result of a job that is one task.
func (j *pipeJob[A, R]) Wait(context.Context) (r R, err error) {
	if err := <-j.done; err != nil {
		return r, err
	}
	return j.results[0], nil
}

// all runs all tasks, in chunks, and yields their results in order.
func (p *pipePool[A, R]) all(args iter.Seq[A], chunk int) iter.Seq2[R, error] {
	const ahead = 8 * poolWorkers // chunks
	return func(yield func(R, error) bool) {
		var begun []*pipeJob[A, R]
		take := func() bool {
			job := begun[0]
			begun = begun[1:]
			if err := <-job.done; err != nil {
				yield(*new(R), err)
				return false
			}
			for _, r := range job.results {
				if !yield(r, nil) {
					return false
				}
			}
			return true
		}
		next := make([]A, 0, chunk)
		for a := range args {
			if next = append(next, a); len(next) < chunk {
				continue
			}
			if len(begun) == ahead && !take() {
				return
			}
			begun = append(begun, p.begin(next...))
			next = make([]A, 0, chunk)
		}
		if len(next) > 0 {
			begun = append(begun, p.begin(next...))
		}
		for len(begun) > 0 && take() {
		}
	}
}

// servePipe is a worker: it applies f until there are no more jobs.
func servePipe[A, R any](r io.Reader, w io.Writer, f func(A) R) error {
	in, out := bufio.NewReaderSize(r, 64<<10), bufio.NewWriterSize(w, 64<<10)
	dec, enc := gob.NewDecoder(in), gob.NewEncoder(out)
	var args []A
	var results []R
	for {
		if err := dec.Decode(&args); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		results = results[:0]
		for _, a := range args {
			results = append(results, f(a))
		}
		if err := enc.Encode(results); err != nil {
			return err
		}
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}
