package shm_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// roles are what this binary does, instead of running tests, when it is started
// with ROLE set: the examples, whose child processes run the same function.
var roles = map[string]func(){
	"Example":     Example,
	"ExampleLock": ExampleLock,
	"depositor":   ExampleLock_account,
	"withdrawer":  ExampleLock_account,
}

func TestMain(m *testing.M) {
	// Spares each child the second that the race detector sleeps at its end.
	os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	if role, ok := os.LookupEnv("ROLE"); ok {
		roles[role]()
		return
	}
	proctest.Main(m)
}

// shared is a segment, and the way to hand it to helpers.
type shared struct {
	*shm.Segment
	opts proctest.Options
}

const (
	segmentName = "test"
	segmentSize = 1 << 20

	envInherited = "SHM_TEST_INHERITED" // set where helpers inherit the segment
)

// named makes a segment that helpers open by its name.
func named(t *testing.T) shared {
	t.Helper()
	return namedWith(t, nil)
}

func namedWith(t *testing.T, opts *shm.Options) shared {
	t.Helper()
	proctest.Dir(t)
	seg, err := shm.Create(segmentName, segmentSize, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		seg.Close()
		if err := shm.Remove(segmentName, nil); err != nil {
			t.Error(err)
		}
	})
	return shared{Segment: seg}
}

// inherited makes a segment without a name, whose file helpers inherit.
func inherited(t *testing.T) shared {
	t.Helper()
	seg, err := shm.Anonymous(segmentSize, nil)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { seg.Close() })
	return shared{seg, proctest.Options{
		ExtraFiles: []*os.File{seg.File()},
		Env:        []string{envInherited + "=1"},
	}}
}

// eachSharing runs a test with both kinds of segment.
func eachSharing(t *testing.T, test func(t *testing.T, s shared)) {
	t.Run("named", func(t *testing.T) { test(t, named(t)) })
	t.Run("inherited", func(t *testing.T) { test(t, inherited(t)) })
}

// start starts a helper that gets the segment by attach.
func (s shared) start(t *testing.T, helper string, args ...string) *proctest.Proc {
	t.Helper()
	return proctest.StartWith(t, &s.opts, helper, args...)
}

// startAll starts n helpers.
func (s shared) startAll(t *testing.T, n int, helper string, args ...string) []*proctest.Proc {
	t.Helper()
	procs := make([]*proctest.Proc, n)
	for i := range procs {
		procs[i] = s.start(t, helper, args...)
	}
	return procs
}

// another opens the segment once more in this process, as another process would.
func (s shared) another(t *testing.T) *shm.Segment {
	t.Helper()
	seg, err := shm.Open(segmentName, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seg.Close() })
	return seg
}

// attach opens the test's segment in a helper.
func attach(c *proctest.Child) *shm.Segment {
	var seg *shm.Segment
	var err error
	if os.Getenv(envInherited) != "" {
		f := c.File(0)
		defer f.Close()
		seg, err = shm.FromFile(f, nil)
	} else {
		seg, err = shm.Open(segmentName, nil)
	}
	c.Check(err)
	return seg
}

func newLock(t testing.TB, seg *shm.Segment, name string) *shm.Lock {
	t.Helper()
	l, err := shm.NewLock(seg, name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func newValue[T any](t testing.TB, seg *shm.Segment, name string) *shm.Value[T] {
	t.Helper()
	v, err := shm.NewValue[T](seg, name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newArray[T any](t testing.TB, seg *shm.Segment, name string, n int) *shm.Array[T] {
	t.Helper()
	a, err := shm.NewArray[T](seg, name, n)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// childLock, childValue and childArray are the same for helpers.
func childLock(c *proctest.Child, seg *shm.Segment, name string) *shm.Lock {
	l, err := shm.NewLock(seg, name)
	c.Check(err)
	return l
}

func childValue[T any](c *proctest.Child, seg *shm.Segment, name string) *shm.Value[T] {
	v, err := shm.NewValue[T](seg, name)
	c.Check(err)
	return v
}

func childArray[T any](c *proctest.Child, seg *shm.Segment, name string, n int) *shm.Array[T] {
	a, err := shm.NewArray[T](seg, name, n)
	c.Check(err)
	return a
}

// until waits for a condition that other goroutines or processes bring about.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for start := time.Now(); !condition(); time.Sleep(50 * time.Microsecond) {
		if time.Since(start) > proctest.Timeout() {
			t.Fatalf("not within %v: %s", proctest.Timeout(), what)
		}
	}
}

// background calls f in a goroutine, and returns the channel of its result.
func background[T any](f func() T) <-chan T {
	c := make(chan T, 1)
	go func() { c <- f() }()
	return c
}

// result receives from a channel made by background.
func result[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(proctest.Timeout()):
		t.Fatalf("no result within %v", proctest.Timeout())
		panic("unreachable")
	}
}

// panicOf returns what f panics with, nil if it does not.
func panicOf(f func()) (r any) {
	defer func() { r = recover() }()
	f()
	return nil
}

// wantText checks that an error, or what a panic was given, has the parts.
func wantText(t testing.TB, what string, v any, parts ...string) {
	t.Helper()
	text := fmt.Sprint(v)
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s: %q, expected %q in it", what, text, part)
		}
	}
}

// pass goes through a lock, and changes nothing inside.
func pass(mu sync.Locker) {
	mu.Lock()
	defer mu.Unlock()
}
