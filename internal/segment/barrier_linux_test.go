package segment

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

// A refused one may run no barriers: from the start, or once it is attached.
var _ = proctest.Register("refused", func(c *proctest.Child) {
	refuse := func() bool {
		err := proctest.Refuse("membarrier")
		if err != nil {
			c.Send("no sandbox:", err)
		}
		return err == nil
	}
	if c.Arg(0) == "first" && !refuse() {
		return
	}
	s, err := Open("s", nil)
	c.Check(err)
	before := s.Barrier()
	if c.Arg(0) != "first" && !refuse() {
		return
	}
	c.Send(before, s.Barrier(), s.WakerFence())
	c.Check(s.Close())
})

// TestBarrierRefused has the kernel refuse barriers to a process that is attached to a
// segment whose publishers rely on them: it says so each time that it runs none, and
// fences as a publisher if it never could.
func TestBarrierRefused(t *testing.T) {
	proctest.MaySkip("refused")
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	if s.WakerFence() {
		t.Skip("there are no barriers here")
	}
	for when, want := range map[string]string{
		"first": "false false true",
		"later": "true false false",
	} {
		p := proctest.Start(t, "refused", when)
		line := p.Recv()
		p.Wait()
		if len(line) > 0 && line[0] == 'n' {
			t.Skip(line)
		}
		if line != want {
			t.Errorf("refused %s: got %q, expected %q", when, line, want)
		}
	}
}

var _ = proctest.Register("registered", func(c *proctest.Child) {
	const getRegistrations = 1 << 9 // since Linux 6.3
	s, err := Open("s", nil)
	c.Check(err)
	mask, _, errno := unix.RawSyscall(unix.SYS_MEMBARRIER, getRegistrations, 0, 0)
	if errno != 0 {
		c.Send("the kernel does not say:", errno)
	} else {
		c.Send("registered", mask&membarrierRegisterGlobalExpedited != 0)
	}
	c.Check(s.Close())
})

// TestRegistered has a process that has attached, and done nothing else, be one that the
// barriers of others reach.
func TestRegistered(t *testing.T) {
	proctest.MaySkip("registered")
	proctest.Dir(t)
	if s := mustCreate(t, "s", nil); s.WakerFence() {
		t.Skip("there are no barriers here")
	}
	p := proctest.Start(t, "registered")
	line := p.Recv()
	p.Wait()
	switch line {
	case "registered true":
	case "registered false":
		t.Error(line)
	default:
		t.Skip(line)
	}
}
