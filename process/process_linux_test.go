package process_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/shm"
)

// until polls what the kernel says.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for begin := time.Now(); !is(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > proctest.Timeout() {
			t.Fatalf("never seen: %s", what)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// TestThreadEnds shows that a process outlives the thread that has started it.
func TestThreadEnds(t *testing.T) {
	s := newStage(t)
	var p *process.Process
	var err error
	tid := onThread(func() { p, err = process.Start(context.Background(), waits, struct{}{}, s.opts()) })
	proctest.Check(t, err)
	proctest.Check(t, s.reach("waits"))
	until(t, "the end of the thread", func() bool { return !exists(fmt.Sprintf("/proc/self/task/%d", tid)) })
	proctest.Check(t, p.Terminate())
	if err := wait(t, p); !errors.Is(err, context.Canceled) {
		t.Errorf("the process has ended as %v", err)
	}
}

// onThread runs f on a thread that ends afterwards, and returns its number.
func onThread(f func()) int {
	thread := make(chan int)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() { // it would only sleep
			defer runtime.UnlockOSThread()
			thread <- onThread(f)
			return
		}
		f()
		thread <- unix.Gettid() // the thread ends with the goroutine
	}()
	return <-thread
}

// TestNobodyWaits shows that nothing is left of processes that nobody waits for.
func TestNobodyWaits(t *testing.T) {
	proctest.NoLeaks(t)
	for _, opts := range []*process.Options{nil, {Group: true}, {Daemon: true}} {
		ctx, cancel := context.WithCancel(context.Background())
		pid := proctest.Must(process.Start(ctx, exits, 3, opts))(t).PID()
		until(t, "the end of the process", func() bool { return !exists(fmt.Sprintf("/proc/%d", pid)) })
		cancel()
	}
	until(t, "the end of the goroutines", func() bool {
		stacks := make([]byte, 1<<20)
		return !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "isthmus/process.")
	})
}

// TestFilesAreClosed shows that nothing of a process is left, but the goroutine that says so,
// when it is done.
func TestFilesAreClosed(t *testing.T) {
	for _, group := range []bool{false, true} {
		before := files(t)
		p := start(t, panics, struct{}{}, &process.Options{Group: group, Command: func(c *exec.Cmd) { c.Stderr = nil }})
		wait(t, p)
		if after := files(t); after != before {
			t.Errorf("group %v: files before: %s, and after: %s", group, before, after)
		}
	}
}

// files names the descriptors of this process. Those that the runtime opens once are open.
func files(t *testing.T) string {
	entries := proctest.Must(os.ReadDir("/proc/self/fd"))(t)
	var names []string
	for _, e := range entries {
		if link, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			names = append(names, e.Name()+" "+link)
		}
	}
	return strings.Join(names, "\n")
}

// TestNumberReused gives the number of a process that has ended to another one, which must not
// be killed in its place.
func TestNumberReused(t *testing.T) {
	const last = "/proc/sys/kernel/ns_last_pid"
	for _, group := range []bool{false, true} {
		for range 50 {
			s := newStage(t)
			first := start(t, exits, 0, &process.Options{Group: group})
			wait(t, first)
			if err := os.WriteFile(last, []byte(strconv.Itoa(first.PID()-1)), 0); err != nil {
				t.Skip("numbers cannot be chosen: ", err)
			}
			opts := s.opts()
			opts.Group = group
			second := start(t, waits, struct{}{}, opts)
			proctest.Check(t, s.reach("waits"))
			reused := second.PID() == first.PID()
			if err := first.Kill(); !errors.Is(err, os.ErrProcessDone) || first.Alive() {
				t.Fatalf("a process that has ended is alive: %v, and to kill it is %v", first.Alive(), err)
			}
			proctest.Check(t, second.Terminate())
			if err := wait(t, second); !errors.Is(err, context.Canceled) {
				t.Fatalf("the second process has ended as %v", err)
			}
			if reused {
				break
			}
		}
	}
}

var _ = proctest.Register("starts a group", func(c *proctest.Child) {
	p := proctest.Must(process.Start(context.Background(), exits, 0, &process.Options{Group: true}))(c)
	c.Check(p.Wait())
})

// TestGroupBeforeReaping shows that the group is killed while its leader still has its number.
func TestGroupBeforeReaping(t *testing.T) {
	trace := strings.Split(proctest.Strace(t, "starts a group", "-e", "trace=kill,wait4,waitid"), "\n")
	kill, reap := -1, -1
	for i, call := range trace {
		switch {
		case strings.Contains(call, "kill(-"):
			kill = i
		case strings.Contains(call, "wait4(") || strings.Contains(call, "waitid(") && !strings.Contains(call, "WNOWAIT"):
			reap = i // the last one: the runtime tries what the kernel can, with a process of its own
		}
	}
	if kill < 0 || reap < kill {
		t.Errorf("the group is killed in line %d, and its leader reaped in line %d of\n%s", kill, reap, strings.Join(trace, "\n"))
	}
}

// The program starts a process after the file of its program was removed and replaced.
var _ = proctest.Register("removed", func(c *proctest.Child) {
	self := proctest.Must(os.Executable())(c)
	c.Check(os.Remove(self))
	c.Check(os.WriteFile(self, []byte("#!/bin/sh\nexit 66\n"), 0o700))
	p := proctest.Must(process.Start(context.Background(), exits, 42, nil))(c)
	var e *process.ExitError
	if !errors.As(p.Wait(), &e) || e.State.ExitCode() != 42 {
		c.Fatalf("the process has ended as %v", p)
	}
})

func TestProgramRemoved(t *testing.T) {
	self, err1 := os.Readlink("/proc/self/exe")
	thread, err2 := os.Readlink("/proc/thread-self/exe")
	if self != thread || err1 != nil || err2 != nil {
		proctest.MaySkip("removed")
		t.Skip("an emulator runs what has the path of the program")
	}
	path := filepath.Join(t.TempDir(), "program")
	program := proctest.Must(os.ReadFile(proctest.Must(os.Executable())(t)))(t)
	proctest.Check(t, os.WriteFile(path, program, 0o700))
	proctest.StartWith(t, &proctest.Options{Binary: path}, "removed").Wait()
}

// descriptors returns the numbers of the files that a process inherits, and its environment.
func descriptors() (string, error) {
	c := exec.Command("/bin/sh", "-c", "ls /proc/self/fd; env | grep ISTHMUS_PROCESS; true")
	c.Stderr = os.Stderr
	out, err := c.Output()
	return string(out), err
}

var lists = process.Register("lists", func(context.Context, struct{}) error {
	if _, err := process.Segment(0, nil); err != nil { // it is there
		return err
	}
	text, err := descriptors()
	if err != nil {
		return err
	}
	return errors.New(text)
})

// TestNothingInherited shows that what a process starts has nothing of what Start has left it.
func TestNothingInherited(t *testing.T) {
	for _, fd := range proctest.Must(os.ReadDir("/proc/self/fd"))(t) { // of whoever runs the test
		if n := proctest.Must(strconv.Atoi(fd.Name()))(t); n > 2 {
			syscall.CloseOnExec(n)
		}
	}
	seg := proctest.Must(shm.Anonymous(1<<16, nil))(t)
	defer seg.Close()
	e := exit(t, start(t, lists, struct{}{}, &process.Options{Segments: []*shm.Segment{seg}}))
	if want := proctest.Must(descriptors())(t); e.Err != want {
		t.Errorf("it has %q, expected %q", e.Err, want)
	}
}

var tellsName = process.Register("tells its name", func(context.Context, struct{}) error {
	comm, err := os.ReadFile("/proc/self/comm")
	return fmt.Errorf("%s%w", comm, err)
})

// TestCommandName shows that tools see the name of the program.
func TestCommandName(t *testing.T) {
	want := proctest.Must(os.ReadFile("/proc/self/comm"))(t)
	if e := exit(t, start(t, tellsName, struct{}{}, nil)); !strings.HasPrefix(e.Err, string(want)) {
		t.Errorf("the process is called %q, expected %q", e.Err, want)
	}
}

// TestNotStarted shows that nothing is left of a start that fails, or panics.
func TestNotStarted(t *testing.T) {
	before := files(t)
	for _, command := range []func(*exec.Cmd){
		func(c *exec.Cmd) { c.Path = "/nowhere" },
		func(c *exec.Cmd) { c.Cancel = func() error { return nil } },
		func(*exec.Cmd) { panic("in Command") },
	} {
		func() {
			defer func() { recover() }()
			if _, err := process.Start(t.Context(), exits, 0, &process.Options{Command: command}); err == nil {
				t.Error("a process was started")
			}
		}()
		if after := files(t); after != before {
			t.Errorf("files before: %s, and after: %s", before, after)
		}
	}
}
