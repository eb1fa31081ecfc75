//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// draft watches the file that a victim is making, before it has a name.
type draft struct {
	mem    []byte
	before []byte
}

// draftChanged returns a function that reports whether the file has changed. It
// looks for the file after system calls.
func (s *stage) draftChanged() func(call bool) bool {
	var d draft
	s.Cleanup(d.close)
	return func(call bool) bool {
		if d.mem == nil {
			if call {
				d.find(s.live.Pid(), s.dir)
			}
			return false
		}
		if bytes.Equal(d.mem, d.before) {
			return false
		}
		copy(d.before, d.mem)
		return true
	}
}

// find finds and maps the file, if it is there and has its size.
func (d *draft) find(pid int, dir string) {
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range fds {
		link, err := os.Readlink(fd)
		if err != nil || !strings.HasPrefix(link, dir+"/") {
			continue
		}
		f, err := os.OpenFile(fd, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		defer f.Close()
		if size := must(f.Stat()).Size(); size > 0 {
			d.mem = must(unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED))
			d.before = make([]byte, size)
			return
		}
	}
}

func (d *draft) close() {
	if d.mem != nil {
		check(unix.Munmap(d.mem))
		d.mem = nil
	}
}
