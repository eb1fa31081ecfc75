package proctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/race"
)

// Strace runs a helper under strace with these flags and those to follow threads,
// and returns what strace wrote. It skips the test where nobody may trace.
func Strace(t testing.TB, helper string, flags ...string) string {
	t.Helper()
	MaySkip(helper)
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace: ", err)
	}
	out := filepath.Join(t.TempDir(), "strace")
	status, text := StartWith(t, &Options{
		under: append([]string{strace, "-f", "-o", out}, flags...),
		// A preempted thread would make a system call to return from the signal.
		Env: []string{"GODEBUG=asyncpreemptoff=1"},
	}, helper).Exit()
	if status != 0 {
		if strings.Contains(text, "PTRACE") {
			t.Skipf("strace may not trace: %s", text)
		}
		t.Fatalf("proctest: helper %q ended with status %d: %s", helper, status, text)
	}
	trace, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(trace)
}

// marker is a path that does not exist.
const marker = "/isthmus-marker"

// Mark makes a system call that [CallsBetweenMarks] recognizes.
func Mark() { unix.Access(marker, 0) }

// CallsBetweenMarks runs a helper under strace, and returns the system calls that
// the thread that called Mark made between the two times.
func CallsBetweenMarks(t testing.TB, helper string) (calls []string) {
	t.Helper()
	if race.Enabled {
		MaySkip(helper)
		t.Skip("the race detector makes system calls of its own")
	}
	var thread string
	marks := 0
	for line := range strings.SplitSeq(Strace(t, helper), "\n") {
		pid, call, _ := strings.Cut(line, " ")
		switch {
		case strings.Contains(call, strconv.Quote(marker)):
			marks++
			thread = pid
		case strings.Contains(call, "_PRIVATE"):
			// The runtime wakes a thread of its own. Ours are shared futexes.
		case marks == 1 && pid == thread && !strings.Contains(call, "resumed>"):
			calls = append(calls, call)
		}
	}
	if marks != 2 {
		t.Fatalf("there are %d marks in what strace wrote, expected 2", marks)
	}
	return calls
}
