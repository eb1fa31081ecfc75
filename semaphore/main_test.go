package semaphore_test

import (
	"errors"
	"os"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// TestMain runs the tests, or the example in one of the processes that it starts.
func TestMain(m *testing.M) {
	if os.Getenv("ROLE") != "" {
		Example()
		return
	}
	proctest.Main(m)
}

// newSemaphore returns the semaphore "sem".
func newSemaphore(t proctest.Fataler, seg *shm.Segment, n int64, opts *semaphore.Options) *semaphore.Semaphore {
	t.Helper()
	return proctest.Must(semaphore.New(seg, "sem", n, opts))(t)
}

// wantClosed checks that a panic or an error is ErrClosed, about the semaphore.
func wantClosed(t *testing.T, what string, v any) {
	t.Helper()
	if err, ok := v.(error); !ok || !errors.Is(err, shm.ErrSegmentClosed) {
		t.Errorf("%s: %v, expected ErrClosed", what, v)
	}
	proctest.WantText(t, what, v, "isthmus: ", `semaphore "sem"`, shared.Name)
}
