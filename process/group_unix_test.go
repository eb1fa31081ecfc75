//go:build unix

package process_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
)

// TestGroup shows that what a process has started ends with it, if it has a group.
func TestGroup(t *testing.T) {
	for _, act := range []string{"return", "panic", "kill"} {
		t.Run(act, func(t *testing.T) {
			l := newLine(t)
			p := start(t, holds, holder{Sleeper: true, Act: act}, &process.Options{Group: true, Command: inherit(l.other)})
			if act == "kill" {
				l.expect("sleeper")
				proctest.Check(t, p.Kill())
			}
			wait(t, p)
			if act != "kill" { // perhaps it was killed before it said anything
				l.other.Close()
				if text, err := l.in.ReadString('\n'); err == nil && text != "sleeper\n" {
					t.Fatalf("received %q", text)
				}
			}
			l.expectEnd()
		})
	}
}

// TestNoGroup shows that what a process has started lives on without a group, and that
// Wait does not wait for it, though it has inherited standard error, or even the pipe
// of the report.
func TestNoGroup(t *testing.T) {
	for act, want := range map[string]string{"return": "<nil>", "report": "exit status 1: report"} {
		l := newLine(t)
		p := start(t, holds, holder{Sleeper: true, Act: act}, &process.Options{Command: inherit(l.other)})
		l.expect("sleeper")
		if err := wait(t, p); !strings.HasSuffix(fmt.Sprint(err), want) {
			t.Errorf("the process has ended as %v, expected %s", err, want)
		}
		l.send("question")
		l.expect("question again")
		l.send("end")
		l.expectEnd()
	}
}

// The patient is the leader of a group, and is not ended by Ctrl-C.
var _ = proctest.Register("patient", func(c *proctest.Child) {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, syscall.SIGINT)
	start := func(group bool) *process.Process {
		return proctest.Must(process.Start(context.Background(), holds, holder{},
			&process.Options{Group: group, Command: inherit(c.File(0))}))(c)
	}
	with, without := start(true), start(false)
	c.Send("ready")
	<-interrupts
	if err := without.Wait(); err == nil || err.(*process.ExitError).State.String() != "signal: interrupt" {
		c.Fatalf("the process without a group has ended as %v", err)
	}
	c.Check(with.Kill()) // it is alive
	if err := with.Wait(); err == nil || !killed(err.(*process.ExitError).State) {
		c.Fatalf("the process with a group has ended as %v", err)
	}
})

// TestInterrupt sends to a group what the terminal sends it at Ctrl-C: it reaches the processes
// that have no group of their own.
func TestInterrupt(t *testing.T) {
	l := newLine(t)
	c := proctest.StartWith(t, &proctest.Options{ExtraFiles: []*os.File{l.other}}, "patient")
	c.Expect("ready")
	l.expect("here") // their handlers are those of the runtime by now
	l.expect("here")
	proctest.Check(t, syscall.Kill(-c.Pid(), syscall.SIGINT))
	c.Wait()
	l.expectEnd()
}

// TestSession shows that a process that leads a session has a group.
func TestSession(t *testing.T) {
	l := newLine(t)
	p := start(t, holds, holder{Sleeper: true}, &process.Options{Group: true, Command: session(l.other)})
	l.expect("sleeper")
	proctest.Check(t, p.Kill())
	wait(t, p)
	l.expectEnd()
}

func session(other *os.File) func(*exec.Cmd) {
	return func(c *exec.Cmd) {
		inherit(other)(c)
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	}
}
