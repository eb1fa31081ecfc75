package hostile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/mapping"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/shm"
)

// stubborn has a house, holds all that it can, and closes its segment where the
// kernel refuses what Close needs. It lives on.
var _ = proctest.Register("stubborn", func(c *proctest.Child) {
	h, err := furnished(shm.Open(houseName, &shm.Options{Dir: c.Arg(0)}))
	c.Check(err)
	if err := proctest.RefuseBy(unix.EPERM, strings.Split(c.Arg(1), ",")...); err != nil {
		c.Send("no sandbox:", err)
		return
	}
	for _, what := range []string{"lock", "acquire", "produce", "push"} {
		if got := h.do(what); got != fine {
			c.Fatalf("%s: %s", what, got)
		}
	}
	c.Send("in")
	c.Expect("create")
	another := proctest.Go(func() error { _, err := shm.NewLock(h.seg, "another"); return err })
	c.Expect("close")
	c.Send(h.seg.Close())
	c.Send(h.do("close"))
	c.Send(h.do("push"))
	c.Expect("end")
	c.Send(nameOf(proctest.Result(c, another)))
	runtime.KeepAlive(h)
})

// pauseInCreation has the house's own attachment stop in the middle of making an
// object, until it is to go on.
func pauseInCreation(h *house) (goOn func()) {
	inside, over := make(chan struct{}), make(chan struct{})
	done := proctest.Go(func() error {
		_, err := segment.Of(h.seg).Object(segment.Spec{
			Kind: layout.KindLock, Name: "paused", Size: shm.LockSize,
			Init: func([]byte) { close(inside); <-over },
		})
		return err
	})
	<-inside
	return func() { close(over); <-done }
}

// waits reports whether somebody waits for a lock of the house's file.
func waits(t *testing.T, opts *shm.Options) bool {
	info, err := os.Stat(filepath.Join(opts.Dir, "isthmus."+houseName))
	proctest.Check(t, err)
	locks, err := os.ReadFile("/proc/locks")
	proctest.Check(t, err)
	file := fmt.Sprintf(":%d ", info.Sys().(*syscall.Stat_t).Ino)
	for line := range strings.Lines(string(locks)) {
		if strings.Contains(line, "->") && strings.Contains(line, file) {
			return true
		}
	}
	return false
}

// TestCloseRefused has Close fail, which ends the attachment all the same: what it
// held is free, although its process lives, and waits to make an object which another
// process is paused in.
func TestCloseRefused(t *testing.T) {
	proctest.Mortal(t)
	proctest.MaySkip("stubborn")
	for calls, want := range map[string]string{
		"mremap":            fine,
		"shared fixed mmap": fine,
		"mremap,shared fixed mmap": `isthmus: close segment "house": ` +
			"operations caught in the middle finish on the segment: mmap: operation not permitted",
	} {
		t.Run(calls, func(t *testing.T) {
			opts := houseDir(t)
			h := build(t, opts)
			p := proctest.Start(t, "stubborn", opts.Dir, calls)
			if line := p.Recv(); strings.HasPrefix(line, "no sandbox") {
				p.Wait()
				t.Skip(line)
			}
			r := rented{h, p, t}
			r.want("try", "false false")
			goOn := pauseInCreation(h)
			r.Send("create")
			proctest.Until(t, "it waits", func() bool { return waits(t, opts) })
			r.tell("close", want)
			r.Expect(shm.ErrSegmentClosed)
			r.Expect(shm.ErrSegmentClosed)
			r.inherit()
			goOn()
			r.tell("end", shm.ErrSegmentClosed.Error())
			r.Wait()
			finder, err := shm.Open(houseName, &shm.Options{Dir: opts.Dir, MustExist: true})
			proctest.Check(t, err)
			defer finder.Close()
			if _, err := shm.NewLock(finder, "another"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("made by who is closed: %v", err)
			}
		})
	}
}

// torn has a mapping which the kernel says to have no memory for, when it is severed: it
// may have removed it by then.
var _ = proctest.Register("torn", func(c *proctest.Child) {
	f, err := os.CreateTemp(c.Arg(0), "")
	c.Check(err)
	const size = 1 << 16
	c.Check(f.Truncate(size))
	m, err := mapping.Map(f, size)
	c.Check(err)
	if err := proctest.RefuseBy(unix.ENOMEM, "mremap", "shared fixed mmap"); err != nil {
		c.Send("no sandbox:", err)
		return
	}
	mem := m.Bytes()
	if err := m.Sever(); !errors.Is(err, unix.ENOMEM) {
		c.Fatalf("Sever: %v", err)
	}
	c.Check(m.Unmap())
	mem[size-1] = 1 // it stands for what somebody else has got there
	c.Send("there")
})

// TestTorn has nobody unmap what may be another's by then.
func TestTorn(t *testing.T) {
	p := proctest.Start(t, "torn", t.TempDir())
	if line := p.Recv(); strings.HasPrefix(line, "no sandbox") {
		defer t.Skip(line)
	} else if line != "there" {
		t.Error(line)
	}
	p.Wait()
}

// locked may lock less memory than its segment has, and all that it maps from now
// on is locked.
var _ = proctest.Register("locked", func(c *proctest.Child) {
	const limit = 8 << 20 // what everybody may lock, by default
	h, err := furnished(shm.Open(houseName, &shm.Options{Dir: c.Arg(0), TrustedUIDs: []int{0}}))
	c.Check(err)
	c.Check(unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: limit, Max: limit}))
	c.Check(unix.Mlockall(unix.MCL_FUTURE))
	for _, what := range []string{"lock", "acquire", "produce", "push"} {
		if got := h.do(what); got != fine {
			c.Fatalf("%s: %s", what, got)
		}
	}
	c.Send("in")
	c.Expect("close")
	c.Send(h.seg.Close())
	c.Expect("end")
	runtime.KeepAlive(h)
})

// TestLockedMemory closes a segment that is larger than what its process may lock.
func TestLockedMemory(t *testing.T) {
	needRoot(t, "locked")
	if race.Enabled {
		proctest.MaySkip("locked")
		t.Skip("the race detector needs memory of its own")
	}
	proctest.Mortal(t)
	opts := &shm.Options{Dir: sharedDir(t), Mode: 0o666}
	h, err := furnished(shm.Create(houseName, 16<<20, opts))
	if err != nil {
		t.Fatal(err)
	}
	defer h.seg.Close()
	var stack unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_STACK, &stack); err != nil {
		t.Fatal(err)
	}
	// With cgo, a thread has a stack of this size, and here all of it is locked.
	small := unix.Rlimit{Cur: 256 << 10, Max: stack.Max}
	if err := unix.Setrlimit(unix.RLIMIT_STACK, &small); err != nil {
		t.Fatal(err)
	}
	p := proctest.StartWith(t, as(alice), "locked", opts.Dir)
	if err := unix.Setrlimit(unix.RLIMIT_STACK, &stack); err != nil {
		t.Fatal(err)
	}
	p.Expect("in")
	r := rented{h, p, t}
	r.want("try", "false false")
	r.tell("close", fine)
	r.inherit()
	r.Send("end")
	r.Wait()
}
