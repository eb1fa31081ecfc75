package hostile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/shm"
)

// crowded uses a small file system of its own, before and after it is full.
var _ = proctest.Register("crowded", func(c *proctest.Child) {
	opts := &shm.Options{Dir: c.Arg(0)}
	c.Check(unix.Mount("none", opts.Dir, "tmpfs", 0, "size=512k"))
	h, err := furnished(shm.Create(houseName, 1<<16, opts))
	c.Check(err)
	_, err = shm.Create("large", 1<<20, opts)
	c.Send(nameOf(err))

	ballast, err := os.Create(filepath.Join(opts.Dir, "ballast"))
	c.Check(err)
	for err == nil {
		_, err = ballast.Write(make([]byte, 4096))
	}
	if !errors.Is(err, unix.ENOSPC) {
		c.Fatalf("the file system does not get full: %v", err)
	}
	_, err = shm.Create("small", 4096, opts)
	c.Send(nameOf(err))
	_, err = shm.OpenOrCreate("small", 4096, opts)
	c.Send(nameOf(err))
	// The pages of what exists are there, those that nobody has touched too.
	rest, err := shm.NewArray[uint64](h.seg, "rest", 5000)
	c.Check(err)
	for i := range rest.Len() {
		rest.Store(i, 1)
	}
	other, err := furnished(shm.Open(houseName, opts))
	c.Check(err)
	for _, what := range []string{"lock", "acquire", "push", "pop", "produce", "consume", "close"} {
		if got := other.do(what); got != fine {
			c.Fatalf("%s: %s", what, got)
		}
	}
	c.Send(h.do("lock"))
	names, err := shm.List(opts)
	c.Check(err)
	c.Send(names)
	c.Check(ballast.Truncate(0))
	s, err := shm.Create("small", 4096, opts)
	c.Check(err)
	c.Check(s.Close())
})

func TestFullFileSystem(t *testing.T) {
	needRoot(t, "crowded")
	p := proctest.StartWith(t, apart(0, unix.CLONE_NEWNS), "crowded", t.TempDir())
	p.Expect(shm.ErrSpace)
	p.Expect(shm.ErrSpace)
	p.Expect(shm.ErrSpace)
	p.Expect(died)
	p.Expect([]string{houseName})
	p.Wait()
}

// poor has a limit of its own, and comes to it.
var _ = proctest.Register("poor", func(c *proctest.Child) {
	opts := &shm.Options{Dir: c.Arg(0)}
	h, err := furnished(shm.Create(houseName, 1<<16, opts))
	c.Check(err)
	what := unix.RLIMIT_AS
	limit := uint64(32 << 20)
	switch c.Arg(1) {
	case "address space":
		limit += statm(c, 0)
	case "data":
		what = unix.RLIMIT_DATA
		limit += statm(c, 5)
	}
	c.Check(unix.Setrlimit(what, &unix.Rlimit{Cur: limit, Max: limit}))
	for range 3 {
		s, err := shm.Create("large", 64<<20, opts)
		c.Send(nameOf(err))
		if err == nil {
			c.Check(s.Close())
			c.Check(shm.Remove("large", opts))
		}
		a, err := shm.Anonymous(64<<20, nil)
		c.Send(nameOf(err))
		if err == nil {
			c.Check(a.Close())
		}
	}
	names, err := shm.List(opts)
	c.Check(err)
	c.Send(names)
	for _, what := range []string{"lock", "acquire", "push", "pop", "produce", "consume", "close"} {
		if got := h.do(what); got != fine {
			c.Fatalf("%s: %s", what, got)
		}
	}
	h, err = furnished(shm.Open(houseName, opts))
	c.Check(err)
	c.Send(h.do("lock"))
	c.Check(h.seg.Close())
	c.Check(shm.Remove(houseName, opts))
})

// statm returns a figure that the kernel has of this process's memory, in bytes.
func statm(c *proctest.Child, i int) uint64 {
	var pages [7]uint64
	b, err := os.ReadFile("/proc/self/statm")
	c.Check(err)
	for j, f := range strings.Fields(string(b)) {
		fmt.Sscan(f, &pages[j])
	}
	return pages[i] * uint64(os.Getpagesize())
}

func TestMemoryLimit(t *testing.T) {
	if race.Enabled {
		proctest.MaySkip("poor")
		t.Skip("the race detector needs memory of its own")
	}
	opts := houseDir(t)
	p := proctest.Start(t, "poor", opts.Dir, "address space")
	for range 6 {
		p.Expect(unix.ENOMEM)
	}
	p.Expect([]string{houseName})
	p.Expect(died)
	p.Wait()
	p = proctest.Start(t, "poor", opts.Dir, "data")
	for range 6 {
		p.Expect(nil)
	}
	p.Expect([]string{houseName})
	p.Expect(died)
	p.Wait()
}

// frugal may open no more files than it has.
var _ = proctest.Register("frugal", func(c *proctest.Child) {
	opts := &shm.Options{Dir: c.Arg(0)}
	h, err := furnished(shm.Create(houseName, 1<<16, opts))
	c.Check(err)
	var hard unix.Rlimit
	c.Check(unix.Getrlimit(unix.RLIMIT_NOFILE, &hard))
	before := files()
	for more := range 2 { // Anonymous needs two of them
		c.Check(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(highest() + 1 + more), Max: hard.Max}))
		for range 5 {
			if more == 0 {
				_, err = shm.Create("another", 4096, opts)
				c.Send(nameOf(err))
				_, err = shm.Open(houseName, opts)
				c.Send(nameOf(err))
			}
			_, err = shm.Anonymous(4096, nil)
			c.Send(nameOf(err))
		}
		for _, what := range []string{"lock", "unlock", "acquire", "release", "push", "pop"} {
			if got := h.do(what); got != fine {
				c.Fatalf("%s: %s", what, got)
			}
		}
	}
	c.Check(unix.Setrlimit(unix.RLIMIT_NOFILE, &hard))
	if after := files(); after != before {
		c.Fatalf("%d files are open, there were %d", after, before)
	}
	c.Check(h.seg.Close())
	c.Check(shm.Remove(houseName, opts))
})

// files returns how many files are open in this process.
func files() int {
	fds, _ := os.ReadDir("/proc/self/fd")
	return len(fds)
}

// highest returns the last descriptor below which there is none free.
func highest() int {
	fd, err := unix.Dup(0)
	if err != nil {
		return -1
	}
	unix.Close(fd)
	return fd - 1
}

func TestFileLimit(t *testing.T) {
	opts := houseDir(t)
	p := proctest.Start(t, "frugal", opts.Dir)
	for range 5*3 + 5 {
		p.Expect(unix.EMFILE)
	}
	p.Wait()
}

// TestTruncated cuts a file off under two processes, one of which then touches it.
func TestTruncated(t *testing.T) {
	proctest.Mortal(t)
	opts := houseDir(t)
	h := build(t, opts)
	toucher, other := rent(t, h, nil, opts.Dir), rent(t, h, nil, opts.Dir)
	if err := os.Truncate(filepath.Join(opts.Dir, "isthmus."+houseName), 0); err != nil {
		t.Fatal(err)
	}
	toucher.Send("lock")
	if status, stderr := toucher.Exit(); status != 2 || !strings.Contains(stderr, "SIGBUS") {
		t.Errorf("it ended with status %d and printed %q", status, stderr)
	}
	other.tell("pid", fmt.Sprint(other.Pid()))
	other.tell("close", fine) // which takes the file away from under the memory
	other.tell("try", shm.ErrSegmentClosed.Error())
	other.Send("end")
	other.Wait()
	rented{house: h, t: t}.want("close", fine)
}

// TestUnlinked removes a file under two processes, which go on.
func TestUnlinked(t *testing.T) {
	proctest.Mortal(t)
	opts := houseDir(t)
	h := build(t, opts)
	r := rent(t, h, nil, opts.Dir)
	if err := os.Remove(filepath.Join(opts.Dir, "isthmus."+houseName)); err != nil {
		t.Fatal(err)
	}
	r.live()
	if _, err := shm.Open(houseName, opts); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open: %v", err)
	}
	again := build(t, opts)
	rented{house: again, t: t}.want("try", "true true")
}

// TestManySegments makes and removes segments, and looks for what they leave.
func TestManySegments(t *testing.T) {
	proctest.NoLeaks(t)
	opts := houseDir(t)
	before := mapped(t)
	for range 10000 {
		s, err := shm.Create("many", 4096, opts)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := shm.NewLock(s, "lock"); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := shm.Remove("many", opts); err != nil {
			t.Fatal(err)
		}
	}
	if entries, err := os.ReadDir(opts.Dir); err != nil || len(entries) != 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
	awaitMapped(t, before)
}

// mapped returns how many pages of addresses this process has mapped.
func mapped(t *testing.T) (pages int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Sscan(string(b), &pages)
	return pages
}

// awaitMapped waits until the collector has given back the addresses of closed
// segments: 12 pages for each of those of TestManySegments.
func awaitMapped(t *testing.T, before int) {
	t.Helper()
	const slack = 40000 // for threads and arenas of the runtime
	for start := time.Now(); mapped(t) > before+slack; time.Sleep(time.Millisecond) {
		runtime.GC()
		if time.Since(start) > proctest.Timeout() {
			t.Fatalf("%d pages are mapped, there were %d", mapped(t), before)
		}
	}
}
