//go:build unix

package process_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
)

// A line is a socket between a test and the processes that inherit its other end. It ends
// when none of them is alive.
type line struct {
	t     *testing.T
	near  *os.File
	in    *bufio.Reader
	other *os.File
}

func newLine(t *testing.T) *line {
	t.Helper()
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	proctest.Check(t, err)
	proctest.Check(t, syscall.SetNonblock(fds[0], true)) // so that it has deadlines
	near := os.NewFile(uintptr(fds[0]), "near")
	l := &line{t, near, bufio.NewReader(near), os.NewFile(uintptr(fds[1]), "other")}
	proctest.Check(t, near.SetDeadline(time.Now().Add(proctest.Timeout())))
	t.Cleanup(func() {
		l.near.Close()
		l.other.Close()
	})
	return l
}

// inherit makes a process inherit the line, and nothing else that others may wait for.
func inherit(other *os.File) func(*exec.Cmd) {
	return func(c *exec.Cmd) {
		c.ExtraFiles = append(c.ExtraFiles, other)
		c.Stdout = nil
	}
}

func (l *line) expect(want string) {
	l.t.Helper()
	if got, err := l.in.ReadString('\n'); got != want+"\n" {
		l.t.Fatalf("received %q, %v, expected %q", got, err, want)
	}
}

func (l *line) send(text string) {
	l.t.Helper()
	if _, err := l.near.WriteString(text + "\n"); err != nil {
		l.t.Fatal(err)
	}
}

// expectEnd waits until no process has the line any more.
func (l *line) expectEnd() {
	l.t.Helper()
	l.other.Close()
	// What was sent, and not read there, resets the line.
	if rest, err := io.ReadAll(l.in); err != nil && !errors.Is(err, syscall.ECONNRESET) || len(rest) > 0 {
		l.t.Fatalf("expected the end, received %q, %v", rest, err)
	}
}

// What a holder does, after it has said that it is there.
type holder struct {
	Sleeper bool   // it starts another process, that also holds the line
	Act     string // "return", "report", "panic", "print" for ever, "answer" until the line ends, or else nothing
}

// reportNumber is that of the report pipe in a process that also inherits a line.
const reportNumber = 5

// holds holds the line that it has inherited.
var holds = process.Register("holds", func(_ context.Context, h holder) error {
	l := os.NewFile(3, "line")
	if h.Sleeper {
		c := exec.Command("/bin/sh", "-c", "echo sleeper >&3; read x <&3; echo $x again >&3; read x <&3")
		c.ExtraFiles = []*os.File{l}
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if h.Act == "report" {
			c.ExtraFiles = append(c.ExtraFiles, os.NewFile(reportNumber, "report"))
		}
		if err := c.Start(); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(l, "here")
	}
	switch h.Act {
	case "return":
		return nil
	case "report":
		return errors.New(h.Act)
	case "panic":
		panic("after it has started another process")
	case "answer":
		for in := bufio.NewScanner(l); in.Scan(); {
			// Nobody reads that when the parent is gone.
			_, err := fmt.Fprintln(os.Stderr, "answering", in.Text())
			fmt.Fprintln(l, in.Text(), "again", err != nil)
		}
		return nil
	case "print":
		for {
			fmt.Fprintln(os.Stderr, "printing")
		}
	}
	select {}
})
