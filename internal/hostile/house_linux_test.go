package hostile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// A house is a segment with something of each kind that can be held or waited
// for.
type house struct {
	seg  *shm.Segment
	lock *shm.Lock
	sem  *semaphore.Semaphore // of 2 permits
	mpmc *ring.MPMC[int64]
	spsc *ring.SPSC[int64]
}

const houseName = "house"

func furnished(seg *shm.Segment, err error) (*house, error) {
	if err != nil {
		return nil, err
	}
	h := &house{seg: seg}
	var e [4]error
	h.lock, e[0] = shm.NewLock(seg, "lock")
	h.sem, e[1] = semaphore.New(seg, "semaphore", 2, nil)
	h.mpmc, e[2] = ring.NewMPMC[int64](seg, "mpmc", 4)
	h.spsc, e[3] = ring.NewSPSC[int64](seg, "spsc", 4)
	return h, errors.Join(e[:]...)
}

// build makes a house in a directory.
func build(t *testing.T, opts *shm.Options) *house {
	t.Helper()
	h, err := furnished(shm.Create(houseName, 1<<16, opts))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.seg.Close()
		shm.Remove(houseName, opts)
	})
	return h
}

// do does something with the house, and waits for it no longer than it must.
func (h *house) do(what string) (result string) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case error:
			result = nameOf(r)
		default:
			result = fmt.Sprint(r)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), proctest.Timeout())
	defer cancel()
	var err error
	switch what {
	case "lock":
		err = h.lock.LockContext(ctx)
	case "try":
		return fmt.Sprint(h.lock.TryLock(), h.sem.TryAcquire(1))
	case "unlock":
		h.lock.MarkConsistent() // even if it is
		h.lock.Unlock()
	case "acquire":
		err = h.sem.Acquire(ctx, 2)
	case "release":
		h.sem.Release(2)
	case "push":
		err = h.mpmc.Push(ctx, 1)
	case "pop":
		_, err = h.mpmc.Pop(ctx)
	case "produce":
		var p *ring.Producer[int64]
		if p, err = h.spsc.Producer(); err == nil {
			err = p.Push(ctx, 1)
		}
	case "consume":
		var c *ring.Consumer[int64]
		if c, err = h.spsc.Consumer(); err == nil {
			_, err = c.Pop(ctx)
		}
	case "wait in vain":
		start := time.Now()
		brief, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
		defer cancel()
		err = h.lock.LockContext(brief)
		if errors.Is(err, context.DeadlineExceeded) && time.Since(start) >= 30*time.Millisecond {
			return "in vain"
		}
	case "pid":
		return fmt.Sprint(os.Getpid())
	case "clock":
		var now unix.Timespec
		if err = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err == nil {
			return fmt.Sprint(now.Sec)
		}
	case "spawn":
		sleep := exec.Command("sleep", "600")
		if err = sleep.Start(); err == nil {
			return fmt.Sprint(sleep.Process.Pid)
		}
	case "close":
		err = h.seg.Close()
	}
	return nameOf(err)
}

// A tenant does what it is told in the house. If it is told to, it comes in by
// another path, to where the directory is no longer found.
var _ = proctest.Register("tenant", func(c *proctest.Child) {
	dir := c.Arg(0)
	if len(c.Args()) > 1 {
		mount := c.Arg(1)
		c.Check(unix.Mount(dir, mount, "", unix.MS_BIND, ""))
		c.Check(unix.Mount("none", filepath.Dir(dir), "tmpfs", 0, ""))
		dir = mount
	}
	var h *house
	var err error
	if dir == "inherited" {
		h, err = furnished(shm.FromFile(c.File(0), nil))
	} else {
		h, err = furnished(shm.Open(houseName, &shm.Options{Dir: dir}))
	}
	c.Check(err)
	c.Send("in")
	for {
		what := c.Recv()
		if what == "end" {
			return
		}
		c.Send(h.do(what))
	}
})

// A rented house has a tenant in a process of its own.
type rented struct {
	*house
	*proctest.Proc
	t *testing.T
}

func rent(t *testing.T, h *house, opts *proctest.Options, args ...string) rented {
	t.Helper()
	p := proctest.StartWith(t, opts, "tenant", args...)
	p.Expect("in")
	return rented{h, p, t}
}

// tell has the tenant do something.
func (r rented) tell(what, want string) {
	r.t.Helper()
	r.Send(what)
	r.Expect(want)
}

// ask has the tenant find something out.
func (r rented) ask(what string) string {
	r.t.Helper()
	r.Send(what)
	return r.Recv()
}

// want does something in this process.
func (r rented) want(what, want string) {
	r.t.Helper()
	if got := r.do(what); got != want {
		r.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

const (
	fine = "<nil>"
	died = "owner died holding it"
)

// live has the two hand things to each other, wait for each other and be taken
// for alive; then the tenant dies with all that it can hold, and is found out.
func (r rented) live() {
	r.t.Helper()
	r.tell("lock", fine)
	r.tell("acquire", fine)
	r.want("try", "false false")
	r.want("wait in vain", "in vain")
	r.Send("unlock")
	r.want("lock", fine)
	r.Expect(fine)
	r.tell("try", "false false")
	r.tell("wait in vain", "in vain")
	r.Send("release")
	r.want("acquire", fine)
	r.Expect(fine)
	for range 3 {
		r.Send("pop")
		r.want("push", fine)
		r.Expect(fine)
		r.Send("push")
		r.want("pop", fine)
		r.Expect(fine)
	}
	r.want("unlock", fine)
	r.want("release", fine)
	r.tell("lock", fine)
	r.tell("acquire", fine)
	r.tell("produce", fine)
	r.tell("push", fine)
	r.Kill()
	r.inherit()
}

// inherit checks that what the tenant held when it died is free.
func (r rented) inherit() {
	r.t.Helper()
	r.want("lock", died)
	r.want("unlock", fine)
	r.want("acquire", fine)
	r.want("release", fine)
	r.want("produce", fine)
	r.want("consume", fine)
	r.want("pop", fine)
}

// houseDir makes a directory for a house on /dev/shm.
func houseDir(t *testing.T) *shm.Options { return &shm.Options{Dir: proctest.Dir(t)} }

// ended waits until a process that is not our child is gone, or a zombie.
func ended(pid int) bool {
	for start := time.Now(); time.Since(start) < proctest.Timeout(); time.Sleep(time.Millisecond) {
		if s := state(pid); s == 0 || s == 'Z' {
			return true
		}
	}
	return false
}

// state returns the letter that proc has for the state of a process, 0 if there
// is none.
func state(pid int) byte {
	var name string
	var letter byte
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fmt.Sscanf(string(b), "%d %s %c", &pid, &name, &letter)
	return letter
}

// apart starts a helper in other namespaces.
func apart(clone, unshare uintptr) *proctest.Options {
	return &proctest.Options{Attributes: func(a *syscall.SysProcAttr) {
		a.Cloneflags, a.Unshareflags = clone, unshare
	}}
}
