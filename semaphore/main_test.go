package semaphore_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// TestMain runs the tests, or the example in one of the processes that it starts.
func TestMain(m *testing.M) {
	// Spares each process the second that the race detector sleeps at its end.
	os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	if os.Getenv("ROLE") != "" {
		Example()
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

	envInherited = "SEMAPHORE_TEST_INHERITED" // set where helpers inherit the segment
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
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
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

// newSemaphore returns the semaphore "sem".
func newSemaphore(t testing.TB, seg *shm.Segment, n int64, opts *semaphore.Options) *semaphore.Semaphore {
	t.Helper()
	s, err := semaphore.New(seg, "sem", n, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func childSemaphore(c *proctest.Child, seg *shm.Segment, n int64, opts *semaphore.Options) *semaphore.Semaphore {
	s, err := semaphore.New(seg, "sem", n, opts)
	c.Check(err)
	return s
}

func newValue[T any](t testing.TB, seg *shm.Segment, name string) *shm.Value[T] {
	t.Helper()
	v, err := shm.NewValue[T](seg, name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func childValue[T any](c *proctest.Child, seg *shm.Segment, name string) *shm.Value[T] {
	v, err := shm.NewValue[T](seg, name)
	c.Check(err)
	return v
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

// prompt logs how long something took since start, and fails the test if it was
// too long even for a busy machine.
func prompt(t *testing.T, what string, start time.Time) {
	t.Helper()
	const limit = 5 * time.Second
	took := time.Since(start)
	t.Logf("%s after %v", what, took.Round(10*time.Microsecond))
	if took > limit {
		t.Errorf("%s after %v, expected %v at most", what, took, limit)
	}
}

// wantError checks that err is the sentinel, and that its text has the parts.
func wantError(t *testing.T, what string, err, is error, parts ...string) {
	t.Helper()
	if !errors.Is(err, is) {
		t.Errorf("%s: the error is %v, expected %v", what, err, is)
		return
	}
	wantText(t, what, err, append(parts, "isthmus: ")...)
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

// wantClosed checks that a panic or an error is ErrClosed, about the semaphore.
func wantClosed(t *testing.T, what string, v any) {
	t.Helper()
	if err, ok := v.(error); !ok || !errors.Is(err, shm.ErrClosed) {
		t.Errorf("%s: %v, expected ErrClosed", what, v)
	}
	wantText(t, what, v, "isthmus: ", `semaphore "sem"`, segmentName)
}

// logSeed prints the seed of a test that has failed.
func logSeed(t *testing.T, seed uint64) {
	if t.Failed() {
		t.Logf("the seed was %#x", seed)
	}
}
