package process_test

import (
	"context"
	"errors"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/shm"
)

// start starts a process that is reaped by the end of the test.
func start[A any](t *testing.T, f *process.Function[A], arg A, opts *process.Options) *process.Process {
	t.Helper()
	p := proctest.Must(process.Start(t.Context(), f, arg, opts))(t)
	t.Cleanup(func() {
		p.Kill()
		wait(t, p)
	})
	return p
}

// wait is Wait, with a watchdog.
func wait(t *testing.T, p *process.Process) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), proctest.Timeout())
	defer cancel()
	select {
	case <-p.Done():
	case <-ctx.Done():
		t.Fatalf("%v does not end", p)
	}
	return p.Wait()
}

// exit waits for an end with an error.
func exit(t *testing.T, p *process.Process) *process.ExitError {
	t.Helper()
	err := wait(t, p)
	var e *process.ExitError
	if !errors.As(err, &e) {
		t.Fatalf("%v: error is %v, expected an ExitError", p, err)
	}
	if e.PID != p.PID() || e.Name != p.Name() {
		t.Errorf("error is of process %q, %d, expected %q, %d", e.Name, e.PID, p.Name(), p.PID())
	}
	return e
}

// A stage is a segment with Events, by which a test and its processes put their steps in
// order.
type stage struct{ *shm.Segment }

func newStage(t *testing.T) stage {
	t.Helper()
	proctest.Dir(t)
	seg := proctest.Must(shm.Create("stage", 1<<16, nil))(t)
	t.Cleanup(func() {
		proctest.Check(t, seg.Close())
		proctest.Check(t, shm.Remove("stage", nil))
	})
	return stage{seg}
}

// opts returns options that let the process enter the stage.
func (s stage) opts() *process.Options {
	return &process.Options{Segments: []*shm.Segment{s.Segment}}
}

// enter opens the stage in a process.
func enter() (stage, error) {
	seg, err := process.Segment(0, nil)
	return stage{seg}, err
}

// set says that a step is done.
func (s stage) set(step string) error {
	e, err := shm.NewEvent(s.Segment, step)
	if err != nil {
		return err
	}
	e.Set()
	return nil
}

// reach waits until a step is done.
func (s stage) reach(step string) error {
	e, err := shm.NewEvent(s.Segment, step)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), proctest.Timeout())
	defer cancel()
	return e.Wait(ctx)
}

// waits enters a stage, says that it is there, and waits for its context.
var waits = process.Register("waits", func(ctx context.Context, _ struct{}) error {
	s, err := enter()
	if err != nil {
		return err
	}
	if err := s.set("waits"); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
})

// deaf is waits, and goes on when the context ends.
var deaf = process.Register("deaf", func(ctx context.Context, _ struct{}) error {
	s, err := enter()
	if err != nil {
		return err
	}
	if err := s.set("waits"); err != nil {
		return err
	}
	<-ctx.Done()
	if err := s.set("heard"); err != nil {
		return err
	}
	<-make(chan int)
	return nil
})
