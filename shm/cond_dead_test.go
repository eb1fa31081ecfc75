package shm_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// A long dead waiter gets a signal, while those alive sleep in a hub with many others.
func TestCondSignalToTheDead(t *testing.T) {
	proctest.Mortal(t)
	s := shared.NamedWith(t, &shm.Options{MaxProcs: 4})
	c, p := newCond(t, s.Segment), startCond(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	mu := newLock(t, s.Segment, "other")
	for i := range 120 {
		o := proctest.Must(shm.NewCond(s.Segment, fmt.Sprint("o", i), mu))(t)
		others.Go(func() { mu.Lock(); defer mu.Unlock(); _ = o.WaitContext(ctx) })
		proctest.Until(t, "it sleeps", o.Awaited)
	}
	defer others.Wait()
	defer cancel()
	for range 40 {
		p.begins(t, c, "Wait")
	}
	p.Kill()
	w := condWaits(c)
	proctest.Until(t, "it waits", func() bool { return c.Waiting() == 41 })
	time.Sleep(150 * time.Millisecond) // nobody is told to look for the dead any more
	for range 3 {
		start := time.Now()
		c.Signal()
		<-w
		proctest.Prompt(t, "woken", start)
		n := c.Waiting()
		w = condWaits(c)
		proctest.Until(t, "it waits", func() bool { return c.Waiting() == n+1 })
	}
	c.Broadcast()
	<-w
}
