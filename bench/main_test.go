package main

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"
)

// mainEnv makes the test binary run the program itself, as `go run` would.
const mainEnv = "ISTHMUS_BENCH_MAIN"

func TestMain(m *testing.M) {
	enter()
	if isPeer() {
		os.Exit(peerMain())
	}
	if os.Getenv(mainEnv) != "" {
		main()
	}
	os.Exit(m.Run())
}

// patience is how long a test waits before it says that something hangs: five minutes,
// times the scale that package proctest reads as well, which must not be imported here.
func patience() time.Duration {
	scale, err := strconv.ParseFloat(os.Getenv("ISTHMUS_PROCTEST_SCALE"), 64)
	if err != nil || scale <= 0 {
		scale = 1
	}
	return time.Duration(scale * float64(5*time.Minute))
}

// tiny runs every part of a measurement, and measures nothing.
var tiny = plan{rounds: 2, runs: 1, ops: 10, limit: func() (float64, error) { return 100, nil }}

// measureTiny returns the results of rows under the tiny plan.
func measureTiny(t *testing.T, rows ...row) []result {
	t.Helper()
	var results []result
	p := tiny
	if rows[0].long {
		p.rounds = 1
	}
	err := measureAll(context.Background(), groups(rows), p, func(_ group, ms []*measurement) error {
		for _, m := range ms {
			if m.err != nil {
				t.Errorf("%s: %v", m.row.name(), m.err)
				continue
			}
			if len(m.rounds) != p.rounds {
				t.Errorf("%s: %d rounds, want %d", m.row.name(), len(m.rounds), p.rounds)
			}
			rs, err := m.results()
			if err != nil || len(rs) != 1 {
				t.Errorf("%s: %d results, %v; want one", m.row.name(), len(rs), err)
			}
			results = append(results, rs...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return results
}
