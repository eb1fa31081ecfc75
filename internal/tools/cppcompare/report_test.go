//go:build linux

package main

import "testing"

func TestParseReport(t *testing.T) {
	r, err := parseReport("4096 12000000\n")
	if want := (report{4096, 12000000}); r != want || err != nil {
		t.Errorf("%v, %v; want %v", r, err, want)
	}
	// A side that comes when the other has finished does nothing.
	if r, err = parseReport("0 220\n"); r != (report{0, 220}) || err != nil {
		t.Errorf("%v, %v; want no operations", r, err)
	}
	for _, line := range []string{"", "\n", "4096\n", "4096 12", "ready\n", "x 1\n", "1 x\n", "-1 1\n", "1 0\n", "1 2 3\n"} {
		if r, err := parseReport(line); err == nil {
			t.Errorf("%q is taken for %v", line, r)
		}
	}
}

func TestCost(t *testing.T) {
	for _, c := range []struct {
		about   string
		first   bool
		reports []report
		want    float64
	}{
		{"one side", false, []report{{100, 1500}}, 15},
		{"a stream counts each message once", false, []report{{100, 900}, {100, 1000}}, 10},
		{"contending sides share the time", true, []report{{300, 1000}, {100, 900}}, 2.5},
		{"a side that came too late", true, []report{{100, 1000}, {0, 1}}, 10},
	} {
		if got, err := (row{first: c.first}).cost(c.reports); got != c.want || err != nil {
			t.Errorf("%s: %v, %v; want %v", c.about, got, err, c.want)
		}
	}
	if got, err := (row{first: true}).cost([]report{{0, 1}, {0, 1}}); err == nil {
		t.Errorf("nothing done: %v and no error", got)
	}
}
