//go:build unix

package segment

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

func makeFIFO(path string) error { return unix.Mkfifo(path, 0o600) }

func TestMode(t *testing.T) {
	dir := proctest.Dir(t)
	defer syscall.Umask(syscall.Umask(0o077))
	for mode, want := range map[fs.FileMode]fs.FileMode{0: 0o600, 0o600: 0o600, 0o640: 0o640, 0o666: 0o666, 0o662: 0o662} {
		mustCreate(t, "moded", &Options{Mode: mode})
		info, err := os.Stat(filepath.Join(dir, filePrefix+"moded"))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("mode %#o became %v", mode, info.Mode())
		}
		Remove("moded", nil)
	}
}

func TestTrust(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	mustCreate(t, "foreign", nil)
	if err := os.Chown(filepath.Join(dir, filePrefix+"foreign"), 12345, -1); err != nil {
		t.Fatal(err)
	}
	for _, o := range []*Options{nil, {TrustedUIDs: []int{1, 54321}}} {
		_, err := Open("foreign", o)
		proctest.WantError(t, "Open", err, ErrUntrusted, `open segment "foreign"`, "file belongs to uid 12345")
		_, err = OpenOrCreate("foreign", testSize, o)
		proctest.WantError(t, "OpenOrCreate", err, ErrUntrusted, `segment "foreign"`, "file belongs to uid 12345")
	}
	s, err := Open("foreign", &Options{TrustedUIDs: []int{1, 12345}})
	must(t, s, err)
}
