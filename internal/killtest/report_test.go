//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// row is a row of the report.
type row struct {
	name         string
	instructions int // from mark to mark
	calls        int // stops at system calls, of a long operation
	points       int // at which it can be stopped
	tried        int
	missed       int           // tried, and the operation went another way
	stall        time.Duration // the longest that anybody had to wait after it
	took         time.Duration
}

// report logs the table, or prints it if it is of more than a sample.
func report(t *testing.T, rows []row, f fate) {
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	var b strings.Builder
	fmt.Fprintf(&b, "%-52s %12s %6s %7s %7s %6s %10s %10s\n",
		f+" in", "instructions", "stops", "points", "tried", "missed", "stall", "took")
	total := row{name: fmt.Sprintf("%d operations", len(rows))}
	for _, r := range rows {
		total.points += r.points
		total.tried += r.tried
		total.missed += r.missed
		total.took += r.took
		total.stall = max(total.stall, r.stall)
		b.WriteString(r.String())
	}
	b.WriteString(total.String())
	if !sampled() {
		fmt.Print(b.String())
	} else {
		t.Log("\n" + b.String())
	}
}

func (r row) String() string {
	return fmt.Sprintf("%-52s %12d %6d %7d %7d %6d %10v %10v\n", r.name, r.instructions, r.calls,
		r.points, r.tried, r.missed, r.stall.Round(time.Microsecond), r.took.Round(time.Millisecond))
}
