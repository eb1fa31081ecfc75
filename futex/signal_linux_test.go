package futex_test

import (
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/futex"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

var _ = proctest.Register("stormed", func(c *proctest.Child) {
	runtime.LockOSThread()
	words := mapWords(c, c.Arg(0))
	ctx, cancel := contextOf(c.Arg(1))
	defer cancel()
	c.Send(unix.Gettid())
	c.Expect("storm")

	deadline := time.Now().Add(100 * time.Millisecond)
	var err error
	for err == nil {
		err = futex.WaitUntil(ctx, &words[0], 0, deadline)
	}
	c.Send(err, time.Now().Before(deadline))

	_, err = futex.WaitAny(ctx, []futex.Word{{Addr: &words[1]}, {Addr: &words[0]}})
	c.Send(err)
	c.Check(await(ctx, &words[0], 0))
	c.Send("awake")
})

// TestSignalStorm sends signals to a waiting thread without pause. They must not
// fail a wait, nor prolong it for ever by beginning it anew.
func TestSignalStorm(t *testing.T) {
	eachMode(t, func(t *testing.T) {
		for _, kind := range contextKinds {
			path := sharedFile(t)
			words := mapWords(t, path)
			p := proctest.Start(t, "stormed", path, kind)
			tid, err := strconv.Atoi(p.Recv())
			if err != nil {
				t.Fatal(err)
			}
			var over atomic.Bool
			sent := proctest.Go(func() (n int) {
				for ; !over.Load(); time.Sleep(20 * time.Microsecond) {
					// SIGURG and SIGWINCH have handlers in every Go program,
					// and no effect.
					unix.Tgkill(p.Pid(), tid, unix.SIGURG)
					unix.Tgkill(p.Pid(), tid, unix.SIGWINCH)
					n += 2
				}
				return n
			})
			p.Send("storm")
			p.Expect(os.ErrDeadlineExceeded, false)
			set(&words[1], 1, 1)
			p.Expect(nil)
			set(&words[0], 1, 1)
			p.Expect("awake")
			over.Store(true)
			t.Logf("%s: %d signals", kind, proctest.Result(t, sent))
			p.Wait()
		}
	})
}
