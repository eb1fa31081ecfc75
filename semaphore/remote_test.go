package semaphore_test

import (
	"context"
	"strconv"
	"strings"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/semaphore"
)

// The helper "semaphore" calls the methods of the semaphore "sem", whose permits
// are its argument, as it is told: "Acquire 2", "begun 2". It says what they did:
// "done", "true", "false", a number, or what they panicked with.
var _ = proctest.Register("semaphore", func(c *proctest.Child) {
	seg := shared.Open(c)
	permits, err := strconv.ParseInt(c.Arg(0), 10, 64)
	c.Check(err)
	var opts *semaphore.Options
	if len(c.Args()) > 1 {
		opts = &semaphore.Options{Signalling: true, Bound: permits}
		permits = 0
	}
	sem := newSemaphore(c, seg, permits, opts)
	step := func(name string) func(n int64) any {
		return func(n int64) any { sem.ChangeUpTo(name, n); return "done" }
	}
	methods := map[string]func(n int64) any{
		"Acquire": func(n int64) any {
			c.Check(sem.Acquire(context.Background(), n))
			return "done"
		},
		"TryAcquire":          func(n int64) any { return sem.TryAcquire(n) },
		"Release":             func(n int64) any { sem.Release(n); return "done" },
		"Value":               func(int64) any { return sem.Value() },
		semaphore.StepBegun:   step(semaphore.StepBegun),
		semaphore.StepHeld:    step(semaphore.StepHeld),
		semaphore.StepSettled: step(semaphore.StepSettled),
		semaphore.StepTaken:   func(int64) any { sem.RepairUpTo(); return "done" },
	}
	for {
		line := c.Recv()
		if line == "end" {
			break
		}
		name, arg, _ := strings.Cut(line, " ")
		n, err := strconv.ParseInt(arg, 10, 64)
		c.Check(err)
		var answer any
		if p := proctest.PanicOf(func() { answer = methods[name](n) }); p != nil {
			answer = p
		}
		c.Send(answer)
	}
	c.Check(seg.Close())
})

// call has the helper call a method.
func call(p *proctest.Proc, method string, n int64, answer any) {
	p.Send(method, n)
	p.Expect(answer)
}

// end ends the helper.
func end(p *proctest.Proc) {
	p.Send("end")
	p.Wait()
}
