package ring_test

import (
	"bufio"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

const (
	quietRounds = 8   // of each operation; the Go runtime may disturb some
	quietTimes  = 200 // in one round
)

// The quiet helper runs operations that should make no system call between two
// that the kernel refuses, which mark the begin and the end of a round.
var _ = proctest.Register("quiet", func(c *proctest.Child) {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	s := openSegment(c)
	operations := undisturbed[uint64](c, s)
	c.Send(unix.Gettid())
	c.Expect("traced")
	for _, what := range slices.Sorted(maps.Keys(operations)) {
		op := operations[what]
		for range quietTimes { // what is done once is done then
			c.Check(op())
		}
		for range quietRounds {
			milestone("begin " + what)
			for range quietTimes {
				c.Check(op())
			}
			milestone("end")
		}
	}
	c.Send("done")
	c.Expect("end")
})

// milestone makes a system call that shows up in the trace.
func milestone(what string) { unix.Rmdir("/proc/mark " + what) }

// TestNoSystemCall has strace watch the thread of a process that pushes and pops
// undisturbed.
func TestNoSystemCall(t *testing.T) {
	proctest.MaySkip("quiet")
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	s := newSegment(t)
	operations := undisturbed[uint64](t, s)
	check(t, s.Close()) // gives the roles up

	p := proctest.Start(t, "quiet")
	tid := p.Recv()
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command(strace, "-s", "100", "-o", trace, "-p", tid)
	messages := must(cmd.StderrPipe())(t)
	check(t, cmd.Start())
	line, _ := bufio.NewReader(messages).ReadString('\n')
	if !strings.Contains(line, "attached") {
		cmd.Wait()
		p.Kill()
		t.Skipf("strace cannot attach: %s", line)
	}
	p.Send("traced")
	p.Expect("done")
	check(t, cmd.Process.Signal(os.Interrupt))
	cmd.Wait() // returns the signal
	p.Send("end")
	p.Wait()

	rounds := readTrace(t, trace)
	for what := range operations {
		if len(rounds[what]) != quietRounds {
			t.Fatalf("%d rounds of %q in the trace", len(rounds[what]), what)
		}
		quiet := 0
		for _, calls := range rounds[what] {
			if len(calls) == 0 {
				quiet++
			}
			for _, call := range calls { // none of the runtime's
				if strings.HasPrefix(call, "membarrier") || strings.HasPrefix(call, "fcntl") {
					t.Errorf("%s: %s", what, call)
				}
			}
		}
		if quiet == 0 {
			t.Errorf("%s: system calls in each of %d rounds: %q", what, quietRounds, rounds[what])
		}
	}
}

// readTrace returns the system calls of each round, by operation.
func readTrace(t *testing.T, file string) map[string][][]string {
	rounds := map[string][][]string{}
	var what string
	var calls []string
	for line := range strings.Lines(string(must(os.ReadFile(file))(t))) {
		name, args, _ := strings.Cut(line, "(")
		if name == "rmdir" || name == "unlinkat" {
			quoted := args[strings.Index(args, `"`):]
			quoted = must(strconv.QuotedPrefix(quoted))(t)
			switch marked := strings.TrimPrefix(must(strconv.Unquote(quoted))(t), "/proc/mark "); marked {
			case "end":
				rounds[what] = append(rounds[what], calls)
			default:
				what, calls = strings.TrimPrefix(marked, "begin "), nil
			}
			continue
		}
		if strings.HasPrefix(name, "---") || name == "rt_sigreturn" {
			continue // the runtime preempts by signals
		}
		calls = append(calls, strings.TrimSpace(line))
	}
	return rounds
}
