//go:build unix

package process_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/isthmus-go/isthmus/process"
)

// TestCommandShares shows that what Command has set is not written to: others may have it too.
func TestCommandShares(t *testing.T) {
	l := newLine(t)
	files := []*os.File{l.other, nil, nil}
	attr := &syscall.SysProcAttr{}
	wait(t, start(t, exits, 0, &process.Options{Group: true, Command: func(c *exec.Cmd) {
		c.ExtraFiles, c.SysProcAttr = files[:1], attr
	}}))
	if files[1] != nil || files[2] != nil || attr.Setpgid {
		t.Errorf("files are %v, and Setpgid is %v", files, attr.Setpgid)
	}
}
