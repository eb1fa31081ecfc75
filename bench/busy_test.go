package main

import (
	"strings"
	"testing"
	"time"
)

func TestOthers(t *testing.T) {
	for _, test := range []struct {
		usage usage
		want  float64
	}{
		{usage{all: 10 * time.Second, busy: 5 * time.Second, own: 3 * time.Second}, 0.2},
		{usage{all: 10 * time.Second, busy: 5 * time.Second, own: 6 * time.Second}, 0}, // ticks are coarse
		{usage{}, 0},
	} {
		if got := test.usage.others(); got != test.want {
			t.Errorf("%+v: others have %v, want %v", test.usage, got, test.want)
		}
	}
}

// The share of others is that of all rounds of a row.
func TestOthersOfARow(t *testing.T) {
	quiet := usage{all: 2 * time.Second, busy: time.Second, own: time.Second}
	busy := usage{all: 2 * time.Second, busy: 2 * time.Second, own: time.Second}
	m := &measurement{row: mustFind(t, "lock/sync.Mutex/2"), rounds: []roundResult{{usage: quiet}, {usage: busy}}}
	results, err := m.results()
	if err != nil || len(results) != 1 || results[0].Others != 0.25 {
		t.Errorf("%+v, %v; want 0.25 for others", results, err)
	}
}

// Rows beside more than a tenth of others are marked, and the table says why.
func TestDisturbedRowsAreMarked(t *testing.T) {
	results := []result{
		{Workload: lock, System: "quiet", Unit: "ns/op", Procs: 2, Others: 0.1},
		{Workload: lock, System: "busy", Unit: "ns/op", Procs: 2, Others: 0.11},
		{Workload: lock, System: "once busy", Unit: "ns/op", Procs: 2, CPUs: near, Others: 0.02},
		{Workload: lock, System: "once busy", Unit: "ns/op", Procs: 2, CPUs: far, Others: 0.43},
	}
	var b strings.Builder
	if err := printTable(&b, "a title", results); err != nil {
		t.Fatal(err)
	}
	for part, want := range map[string]bool{"quiet *": false, " busy *": true, "once busy *": true, "up to 43 % of the CPUs": true} {
		if strings.Contains(b.String(), part) != want {
			t.Errorf("%q in the table: want %v\n%s", part, want, b.String())
		}
	}
	b.Reset()
	if err := printTable(&b, "a title", results[:1]); err != nil || strings.Contains(b.String(), "*") {
		t.Errorf("a mark in a quiet table: %v\n%s", err, b.String())
	}
}

// The heading says how busy the machine is, where that is known.
func TestHeadingSaysHowBusy(t *testing.T) {
	now := usage{all: 100, busy: 62, own: 25}
	if got := heading(quickPlan, now); !strings.Contains(got, "other processes have 37 % of these CPUs") {
		t.Errorf("heading %q", got)
	}
	if got := heading(quickPlan, usage{}); strings.Contains(got, "other processes") {
		t.Errorf("heading of a machine that does not tell: %q", got)
	}
}
