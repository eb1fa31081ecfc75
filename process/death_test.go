package process_test

import (
	"context"
	"errors"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/shm"
)

// owns holds a lock until it dies.
var owns = process.Register("owns", func(context.Context, struct{}) error {
	s, err := enter()
	if err != nil {
		return err
	}
	mu, err := shm.NewLock(s.Segment, "mu")
	if err != nil {
		return err
	}
	if err := mu.LockContext(context.Background()); err != nil {
		return err
	}
	if err := s.set("owned"); err != nil {
		return err
	}
	<-make(chan int)
	return nil
})

// died waits until the process that owns is dead.
func (s stage) died(t *testing.T) {
	t.Helper()
	mu := proctest.Must(shm.NewLock(s.Segment, "mu"))(t)
	ctx, cancel := context.WithTimeout(context.Background(), proctest.Timeout())
	defer cancel()
	if err := mu.LockContext(ctx); !errors.Is(err, shm.ErrOwnerDied) {
		t.Fatalf("the owner has not died: %v", err)
	}
}

// nests starts a process that owns, which is no Daemon, and ends as it is told, or not.
var nests = process.Register("nests", func(_ context.Context, act string) error {
	s, err := enter()
	if err != nil {
		return err
	}
	_, err = process.Start(context.Background(), owns, struct{}{}, s.opts())
	if err != nil {
		return err
	}
	if err := s.reach("owned"); err != nil {
		return err
	}
	switch act {
	case "return":
		return nil
	case "panic":
		panic(act)
	}
	<-make(chan int)
	return nil
})

// TestGroupEnds shows that processes in the group of a process end with it.
func TestGroupEnds(t *testing.T) {
	for _, act := range []string{"return", "panic", "kill"} {
		t.Run(act, func(t *testing.T) {
			proctest.Mortal(t)
			s := newStage(t)
			opts := s.opts()
			opts.Group = true
			p := start(t, nests, act, opts)
			proctest.Check(t, s.reach("owned"))
			if act == "kill" {
				proctest.Check(t, p.Kill())
			}
			wait(t, p)
			s.died(t)
		})
	}
}

var _ = proctest.Register("parent of a daemon", func(c *proctest.Child) {
	s := stage{proctest.Must(shm.Open("stage", nil))(c)}
	opts := s.opts()
	opts.Daemon = true
	if c.Arg(0) == "group" {
		opts.Group = true
		proctest.Must(process.Start(context.Background(), nests, "", opts))(c)
	} else {
		proctest.Must(process.Start(context.Background(), owns, struct{}{}, opts))(c)
	}
	c.Recv()
})

// TestDaemon shows that a Daemon, and its group, ends with its parent.
func TestDaemon(t *testing.T) {
	for _, kind := range []string{"alone", "group"} {
		for _, end := range []string{"return", "kill"} {
			t.Run(kind+"/"+end, func(t *testing.T) {
				proctest.Mortal(t)
				s := newStage(t)
				parent := proctest.Start(t, "parent of a daemon", kind)
				proctest.Check(t, s.reach("owned"))
				if end == "kill" {
					parent.Kill()
				} else {
					parent.Send("end")
					parent.Wait()
				}
				s.died(t)
			})
		}
	}
}
