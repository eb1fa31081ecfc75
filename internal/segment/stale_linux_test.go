package segment

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

// inherit duplicates what is open of the file at path, as a fork does.
func inherit(t *testing.T, path string) {
	t.Helper()
	for _, fd := range proctest.Must(os.ReadDir("/proc/self/fd"))(t) {
		link := filepath.Join("/proc/self/fd", fd.Name())
		if to, err := os.Readlink(link); err != nil || to != path {
			continue
		}
		var n int
		proctest.Must(fmt.Sscan(fd.Name(), &n))(t)
		other := proctest.Must(unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, 0))(t)
		t.Cleanup(func() { unix.Close(other) })
	}
}

// TestRemoveStaleForked has a child inherit what somebody has open who looks for what is stale,
// and keep it.
func TestRemoveStaleForked(t *testing.T) {
	path := filepath.Join(proctest.Dir(t), "isthmus.s")
	mustCreate(t, "s", nil).Close()
	replace(t, stepFound, func() { inherit(t, path) })
	wantStale(t, nil)
	proctest.Check(t, proctest.Result(t, proctest.Go(func() error {
		s, err := Open("s", nil)
		if err == nil {
			err = s.Close()
		}
		return err
	})))

	replace(t, stepEntered, func() { inherit(t, path) })
	die(mustOpen(t, "s"))
	wantStale(t, nil, "s")
}
