//go:build unix

package process_test

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
)

// The parent starts a process with the line that it has, and waits to be killed.
var _ = proctest.Register("parent", func(c *proctest.Child) {
	opts := &process.Options{Command: inherit(c.File(0))}
	var h holder
	switch c.Arg(0) {
	case "daemon":
		opts.Daemon = true
	case "group":
		opts.Daemon, opts.Group = true, true
		h = holder{Sleeper: true, Act: "print"}
	case "other":
		h.Act = "answer"
	}
	proctest.Must(process.Start(context.Background(), holds, h, opts))(c)
	c.Recv()
})

// TestParentKilled kills the parent of a Daemon, of one with a group of its own in which there is
// another process, and which prints all the time, and of one that goes on.
func TestParentKilled(t *testing.T) {
	for _, kind := range []string{"daemon", "group", "other"} {
		t.Run(kind, func(t *testing.T) {
			l := newLine(t)
			parent := proctest.StartWith(t, &proctest.Options{ExtraFiles: []*os.File{l.other}}, "parent", kind)
			if kind == "group" {
				l.expect("sleeper")
			} else {
				l.expect("here")
			}
			parent.Kill()
			if kind == "other" {
				l.send("question")
				l.expect("question again true") // it has got an error, and no signal
				l.near.Close()
				return
			}
			l.expectEnd()
		})
	}
}

// The slow parent starts a process that does not read its launch until it is told, with more
// than the pipe takes.
var _ = proctest.Register("slow parent", func(c *proctest.Child) {
	self := proctest.Must(os.Executable())(c)
	proctest.Must(process.Start(context.Background(), late, make([]byte, 1<<20), &process.Options{
		Command: func(cmd *exec.Cmd) {
			inherit(c.File(0))(cmd)
			cmd.Path = "/bin/sh"
			cmd.Args = []string{"sh", "-c", `echo waiting >&3; read x <&3; exec "$0"`, self}
		},
	}))(c)
	c.Recv()
})

var late = process.Register("late", func(context.Context, []byte) error {
	os.NewFile(3, "line").WriteString("called\n")
	return nil
})

// TestParentKilledEarly kills the parent of a process that has not read all of its launch: it
// must not call the function.
func TestParentKilledEarly(t *testing.T) {
	for _, kill := range []bool{true, false} {
		l := newLine(t)
		parent := proctest.StartWith(t, &proctest.Options{ExtraFiles: []*os.File{l.other}}, "slow parent")
		l.expect("waiting")
		if kill {
			parent.Kill()
		}
		l.send("go on")
		if !kill {
			l.expect("called")
			parent.Send("end")
			parent.Wait()
		}
		l.expectEnd()
	}
}
