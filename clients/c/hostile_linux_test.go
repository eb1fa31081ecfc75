//go:build amd64 && !isthmus_nofutex

package c_test

import (
	"context"
	"fmt"
	"os/exec"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// TestHostile runs testdata/hostile.c: objects and segments that are spoilt, or that another
// process in C writes to all the time. Nothing but the object is touched, and nobody hangs.
func TestHostile(t *testing.T) {
	seed := fmt.Sprint(proctest.Random(t).Uint32())
	binary := compile(t, "gcc", "testdata/hostile.c", "-std=c11", "-O0", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
	for _, what := range []string{"spoilt", "directory", "spoiling"} {
		t.Run(what, func(t *testing.T) {
			proctest.Dir(t)
			run(t, binary, what, seed, fmt.Sprint(proctest.Scaled(600)))
		})
	}
}

// TestHostilePeer has Go use objects that a process in C writes garbage to all the time. Its
// operations come to their ends, by whatever errors.
func TestHostilePeer(t *testing.T) {
	binary := compile(t, "gcc", "testdata/hostile.c", "-std=c11", "-O0", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
	proctest.Dir(t)
	seg := proctest.Must(shm.Create("t", 1<<16, &shm.Options{MaxProcs: 8, MaxObjects: 16}))(t)
	defer shm.Remove("t", nil)
	defer seg.Close()
	type wide = [10]uint64
	word := proctest.Must(shm.NewValue[int64](seg, "word"))(t)
	big := proctest.Must(shm.NewValue[wide](seg, "big"))(t)
	lock := proctest.Must(shm.NewLock(seg, "lock"))(t)
	sem := proctest.Must(semaphore.New(seg, "semaphore", 3, nil))(t)
	spsc := proctest.Must(ring.NewSPSC[wide](seg, "spsc", 8))(t)
	mpmc := proctest.Must(ring.NewMPMC[wide](seg, "mpmc", 8))(t)
	text := proctest.Must(ring.NewBytes(seg, "bytes", 512))(t)
	limit, cancel := context.WithTimeout(ctx, proctest.Timeout())
	defer cancel()
	scribbler := exec.CommandContext(limit, binary, "scribble", fmt.Sprint(proctest.Random(t).Uint32()), "0")
	in := proctest.Must(scribbler.StdinPipe())(t)
	proctest.Check(t, scribbler.Start())
	brief, end := context.WithCancel(ctx)
	end()
	for range proctest.Scaled(20000) {
		word.Store(word.Load() + 1)
		_ = big.Load()
		if lock.TryLock() {
			mayBeMisuse(lock.Unlock)
		}
		if sem.TryAcquire(1) {
			mayBeMisuse(func() { sem.Release(1) })
		}
		if p, err := spsc.Producer(); err == nil {
			_ = p.TryPush(wide{})
			p.Detach()
		}
		if c, err := spsc.Consumer(); err == nil {
			_, _ = c.TryPop()
			c.Detach()
		}
		_ = mpmc.TryPush(wide{})
		_, _ = mpmc.TryPop()
		_, _ = mpmc.Pop(brief)
		if p, err := text.Producer(); err == nil {
			_ = p.TryPush(make([]byte, 20))
			p.Detach()
		}
		if c, err := text.Consumer(); err == nil {
			_, _ = c.TryPop(nil)
			c.Detach()
		}
	}
	in.Close()
	if err := scribbler.Wait(); err != nil {
		t.Error(err)
	}
}

// TestValgrind runs what TestSanitizers does without them: valgrind finds what is read before it
// is written, too. It serializes threads, and knows neither barriers nor pidfds, which are done
// without then.
func TestValgrind(t *testing.T) {
	if _, err := exec.LookPath("valgrind"); err != nil {
		t.Skip("there is no valgrind")
	}
	binary := compile(t, "gcc", "testdata/threads.c", "-std=c11", "-O1", "-g")
	proctest.Dir(t)
	run(t, "valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite", binary)
}

// mayBeMisuse calls what panics if another has taken away what this process holds.
func mayBeMisuse(f func()) {
	defer func() { _ = recover() }()
	f()
}
