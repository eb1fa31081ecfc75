package process_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
)

// It starts a Daemon that is the first process of a namespace, and waits to be killed.
var _ = proctest.Register("parent of a namespace", func(c *proctest.Child) {
	_, err := process.Start(context.Background(), holds, holder{}, &process.Options{
		Daemon: true,
		Group:  c.Arg(0) == "group",
		Command: func(cmd *exec.Cmd) {
			inherit(c.File(0))(cmd)
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
		},
	})
	if errors.Is(err, syscall.EPERM) {
		c.File(0).WriteString("not permitted\n")
		return
	}
	c.Check(err)
	c.Recv()
})

// TestNamespace shows that a Daemon ends with its parent even where no signal of its own kills it.
func TestNamespace(t *testing.T) {
	for _, kind := range []string{"alone", "group"} {
		l := newLine(t)
		parent := proctest.StartWith(t, &proctest.Options{ExtraFiles: []*os.File{l.other}}, "parent of a namespace", kind)
		if text, err := l.in.ReadString('\n'); text == "not permitted\n" {
			t.Skip("namespaces cannot be made")
		} else if text != "here\n" {
			t.Fatalf("received %q, %v", text, err)
		}
		parent.Kill()
		l.expectEnd()
	}
}
