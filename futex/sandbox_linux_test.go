//go:build !isthmus_nofutex

package futex_test

import (
	"context"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/futex"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

var errnos = map[string]unix.Errno{"ENOSYS": unix.ENOSYS, "EPERM": unix.EPERM}

// A sandboxed process, which has waited by all means before if told so, must find
// out what is left.
var _ = proctest.Register("sandboxed", func(c *proctest.Child) {
	what, errno, when := c.Arg(0), errnos[c.Arg(1)], c.Arg(2)
	words := mapWords(c, c.Arg(3))
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	if when == "late" {
		futex.Native()
		for _, ctx := range []context.Context{background, ctx} {
			if err := futex.WaitUntil(ctx, &words[0], 0, time.Unix(1, 0)); err != os.ErrDeadlineExceeded {
				c.Fatalf("before: %v", err)
			}
		}
	}
	calls := []string{"futex_waitv"}
	if what == "futex" {
		calls = append(calls, "shared futex")
	}
	if err := proctest.RefuseBy(errno, calls...); err != nil {
		c.Send("no sandbox:", err)
		return
	}
	c.Send("sandboxed")
	if when == "early" {
		c.Send("native", futex.Native())
	}

	i, err := futex.WaitAny(ctx, []futex.Word{{Addr: &words[1]}, {Addr: &words[0]}})
	c.Check(err)
	c.Send("any", i)
	c.Check(await(ctx, &words[2], 0))
	c.Check(await(background, &words[3], 0))
	for _, ctx := range []context.Context{background, ctx} {
		deadline := time.Now().Add(25 * time.Millisecond)
		for err = nil; err == nil; {
			err = futex.WaitUntil(ctx, &words[4], 0, deadline)
		}
		c.Send(err, time.Now().Before(deadline))
	}
	go func() {
		c.Expect("cancel")
		cancel()
	}()
	c.Send(await(ctx, &words[4], 0))
	noFutex, noWaitv := futex.Refused()
	c.Send("refused", noFutex, noFutex || noWaitv)
	c.Send("native", futex.Native())
})

// TestSandbox has the kernel refuse system calls, from the start or later.
func TestSandbox(t *testing.T) {
	proctest.MaySkip("sandboxed")
	for _, what := range []string{"waitv", "futex"} {
		for errno := range errnos {
			for _, when := range []string{"early", "late"} {
				t.Run(what+"/"+errno+"/"+when, func(t *testing.T) {
					path := sharedFile(t)
					words := mapWords(t, path)
					p := proctest.Start(t, "sandboxed", what, errno, when, path)
					if line := p.Recv(); line != "sandboxed" {
						p.Wait()
						t.Skip(line)
					}
					if when == "early" {
						p.Expect("native", what != "futex")
					}
					set(&words[0], 1, 1)
					p.Expect("any 1")
					for i := 2; i <= 3; i++ {
						atomic.StoreUint32(&words[i], 1)
						futex.Wake(&words[i], 1)
					}
					p.Expect(os.ErrDeadlineExceeded, false)
					p.Expect(os.ErrDeadlineExceeded, false)
					p.Send("cancel")
					p.Expect(context.Canceled)
					p.Expect("refused", what == "futex", true)
					p.Expect("native", what != "futex")
					p.Wait()
				})
			}
		}
	}
}
