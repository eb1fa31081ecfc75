package peers

import (
	"flag"
	"strconv"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/futex"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

var rounds = flag.Int("peers.rounds", 200, "hand-overs of each primitive between each pair")

// calls are refused one at a time, and at last all of them.
var calls = []string{"futex_waitv", "shared futex", "membarrier", "OFD locks", "memfd_create", "fallocate", "mremap"}

// TestRefused has the kernel refuse calls to both processes, or to one. The
// library has to find that out by itself, and use the next best.
func TestRefused(t *testing.T) {
	proctest.Mortal(t)
	proctest.MaySkip("worker")
	t.Run("nothing", func(t *testing.T) { work(t, nil, "", "") })
	for _, call := range append(calls, strings.Join(calls, ",")) {
		t.Run(call, func(t *testing.T) { work(t, nil, call, call) })
		// Nobody could wake the one who may not use futexes; see package futex.
		if !strings.Contains(call, "shared futex") {
			t.Run(call+", to one", func(t *testing.T) { work(t, nil, "", call) })
		}
	}
}

// work has two processes hand everything to each other, and then kills the first,
// which holds a lock and a permit. The options are those of the second.
func work(t *testing.T, opts *proctest.Options, firstRefused, secondRefused string) {
	proctest.Mortal(t)
	proctest.Dir(t)
	n := proctest.Scaled(*rounds)
	if !futex.Native() || strings.Contains(secondRefused, "shared futex") {
		n /= 8 // they poll
	}
	a := proctest.Start(t, "worker", firstRefused, "a", strconv.Itoa(n))
	lineA := a.Recv()
	b := proctest.StartWith(t, opts, "worker", secondRefused, "b", strconv.Itoa(n))
	lineB := b.Recv()
	for _, line := range []string{lineA, lineB} {
		if line != "ready" {
			a.Send("give up")
			b.Send("give up")
			a.Wait()
			b.Wait()
			if opts != nil && strings.Contains(line, *mismatch) && *mismatch != "" {
				return
			}
			if strings.HasPrefix(line, "no sandbox") {
				t.Skip(line)
			}
			t.Fatal(line)
		}
	}
	if opts != nil && *mismatch != "" {
		t.Errorf("they share a segment, and should not for %s", *mismatch)
	}
	a.Send("go")
	b.Send("go")
	a.Expect("done")
	b.Expect("done")
	a.Send("hold")
	a.Expect("holding", 2*n, 2*n)
	b.Send("take over")
	b.Expect("waiting")
	a.Kill()
	b.Expect("took over")
	b.Wait()
}
