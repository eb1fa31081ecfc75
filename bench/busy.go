package main

import (
	"fmt"
	"time"
)

// A usage is what the CPUs of the peers did for a while, or since they were
// started. The zero usage is that of a platform that does not tell.
type usage struct {
	all  time.Duration // of each CPU
	busy time.Duration // spent on processes, whichever
	own  time.Duration // spent on this process and its descendants
}

func (u usage) plus(o usage) usage { return usage{u.all + o.all, u.busy + o.busy, u.own + o.own} }

func (u usage) since(o usage) usage { return usage{u.all - o.all, u.busy - o.busy, u.own - o.own} }

// others returns the share of the CPUs that other processes had.
func (u usage) others() float64 {
	if u.all <= 0 {
		return 0
	}
	return max(0, float64(u.busy-u.own)/float64(u.all))
}

// disturbed is the share of others beside which figures are marked.
const disturbed = 0.1

func (r result) disturbed() bool { return r.Others > disturbed }

// lookAround returns how busy the CPUs are while this process sleeps.
func lookAround() usage {
	before := readUsage()
	time.Sleep(300 * time.Millisecond)
	return readUsage().since(before)
}

// note explains the marks of a table, if there are any.
func note(results []result) string {
	most := 0.0
	for _, r := range results {
		most = max(most, r.Others)
	}
	if most <= disturbed {
		return ""
	}
	return fmt.Sprintf("* beside other processes, which had up to %.0f %% of the CPUs", 100*most)
}
