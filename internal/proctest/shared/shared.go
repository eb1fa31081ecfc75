// Package shared makes the segment that a test and its helpers share. It is apart
// from package proctest, which also the packages below shm test with.
package shared

import (
	"errors"
	"os"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

const (
	Name = "test"
	Size = 1 << 20

	envInherited = "ISTHMUS_PROCTEST_INHERITED" // set where helpers inherit the segment
)

// A Segment is a segment, and the way to hand it to helpers.
type Segment struct {
	*shm.Segment
	opts *proctest.Options
}

// Named makes a segment that helpers open by its name.
func Named(t testing.TB) Segment {
	t.Helper()
	return NamedWith(t, nil)
}

// NamedWith is [Named] with options.
func NamedWith(t testing.TB, opts *shm.Options) Segment {
	t.Helper()
	proctest.Dir(t)
	seg := proctest.Must(shm.Create(Name, Size, opts))(t)
	t.Cleanup(func() {
		seg.Close()
		if err := shm.Remove(Name, nil); err != nil {
			t.Error(err)
		}
	})
	return Segment{Segment: seg}
}

// Inherited makes a segment without a name, whose file helpers inherit.
func Inherited(t *testing.T) Segment {
	t.Helper()
	seg, err := shm.Anonymous(Size, nil)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	proctest.Check(t, err)
	t.Cleanup(func() { seg.Close() })
	return Segment{seg, Inherit(seg)}
}

// Inherit returns options for helpers that inherit a segment without a name.
func Inherit(seg *shm.Segment) *proctest.Options {
	return &proctest.Options{
		ExtraFiles: []*os.File{seg.File()},
		Env:        []string{envInherited + "=1"},
	}
}

// Each runs a test with both kinds of segment.
func Each(t *testing.T, test func(t *testing.T, s Segment)) {
	t.Run("named", func(t *testing.T) { test(t, Named(t)) })
	t.Run("inherited", func(t *testing.T) { test(t, Inherited(t)) })
}

// Start starts a helper that gets the segment by [Open].
func (s Segment) Start(t testing.TB, helper string, args ...string) *proctest.Proc {
	t.Helper()
	return proctest.StartWith(t, s.opts, helper, args...)
}

// StartAll starts n helpers.
func (s Segment) StartAll(t testing.TB, n int, helper string, args ...string) []*proctest.Proc {
	t.Helper()
	procs := make([]*proctest.Proc, n)
	for i := range procs {
		procs[i] = s.Start(t, helper, args...)
	}
	return procs
}

// Another opens the segment once more in this process, as another process would.
func (s Segment) Another(t *testing.T) *shm.Segment {
	t.Helper()
	seg := Open(t)
	t.Cleanup(func() { seg.Close() })
	return seg
}

// Open opens the test's segment, in a helper or once more in the test. Two Segments
// of one process are as separate as those of two processes.
func Open(t proctest.Fataler) *shm.Segment {
	t.Helper()
	if c, ok := t.(*proctest.Child); ok && os.Getenv(envInherited) != "" {
		f := c.File(0)
		defer f.Close()
		return proctest.Must(shm.FromFile(f, nil))(t)
	}
	return proctest.Must(shm.Open(Name, nil))(t)
}

// Value returns a value of the segment.
func Value[T any](t proctest.Fataler, seg *shm.Segment, name string) *shm.Value[T] {
	t.Helper()
	return proctest.Must(shm.NewValue[T](seg, name))(t)
}

// CloseUnder closes a segment while goroutines repeat these uses of it, which must
// then panic by ErrClosed.
func CloseUnder(t *testing.T, seg *shm.Segment, uses ...func()) {
	t.Helper()
	begun := make(chan bool)
	var users []<-chan any
	for _, use := range uses {
		users = append(users, proctest.Go(func() any {
			return proctest.PanicOf(func() {
				use()
				begun <- true
				for {
					use()
				}
			})
		}))
		select {
		case <-begun:
		case p := <-users[len(users)-1]:
			t.Fatalf("panicked with %v before the segment was closed", p)
		}
	}
	seg.Close()
	for _, u := range users {
		if p, ok := proctest.Result(t, u).(error); !ok || !errors.Is(p, shm.ErrSegmentClosed) {
			t.Errorf("panicked with %v, expected ErrClosed", p)
		}
	}
}
