package ring_test

import (
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
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
	s := shared.Open(c)
	operations := undisturbed[uint64](c, s)
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
})

// milestone makes a system call that shows up in the trace.
func milestone(what string) { unix.Rmdir("/proc/mark " + what) }

// TestNoSystemCall has strace watch a process that pushes and pops undisturbed.
func TestNoSystemCall(t *testing.T) {
	s := newSegment(t)
	operations := undisturbed[uint64](t, s)
	proctest.Check(t, s.Close()) // gives the roles up
	rounds := readTrace(t, proctest.Strace(t, "quiet", "-s", "100"))
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

// readTrace returns the system calls that the thread of the milestones made in
// each round, by operation.
func readTrace(t *testing.T, trace string) map[string][][]string {
	rounds := map[string][][]string{}
	var thread, what string
	var calls []string
	for line := range strings.Lines(trace) {
		pid, call, _ := strings.Cut(line, " ")
		call = strings.TrimSpace(call)
		name, args, _ := strings.Cut(call, "(")
		if _, marked, ok := strings.Cut(args, "/proc/mark "); ok {
			thread = pid
			quoted := proctest.Must(strconv.QuotedPrefix(`"` + marked))(t)
			switch marked := proctest.Must(strconv.Unquote(quoted))(t); marked {
			case "end":
				rounds[what] = append(rounds[what], calls)
			default:
				what, calls = strings.TrimPrefix(marked, "begin "), nil
			}
			continue
		}
		if pid != thread || strings.Contains(call, "resumed>") {
			continue // somebody else's, or the end of a call seen before
		}
		if strings.HasPrefix(name, "---") || name == "rt_sigreturn" {
			continue // the runtime preempts by signals
		}
		calls = append(calls, call)
	}
	return rounds
}
