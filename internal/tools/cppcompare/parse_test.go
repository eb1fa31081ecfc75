//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseSystems(t *testing.T) {
	var list strings.Builder
	for _, r := range rows {
		list.WriteString(r.name + "\tone\n" + r.name + "\tanother, robust\n")
	}
	systems, err := parseSystems(list.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if want := []string{"one", "another, robust"}; !slices.Equal(systems[r.name], want) {
			t.Errorf("%s: %q, want %q", r.name, systems[r.name], want)
		}
	}
	whole := list.String()
	for about, list := range map[string]string{
		"a row that does not exist": whole + "spsc/9\tone\n",
		"no system":                 whole + "spsc/8\n",
		"a row that is missing":     strings.ReplaceAll(whole, "lock/alone", "lock/contended"),
	} {
		if _, err := parseSystems(list); err == nil {
			t.Errorf("%s: no error", about)
		}
	}
}

func TestParseUsage(t *testing.T) {
	stat := "cpu  9 9 9 9 9 9 9 9 9 9\n" +
		"cpu0 10 20 30 400 5 1 2 3 0 0\n" +
		"cpu1 1 2 3 40 50 1 2 1 0 0\n" +
		"cpu2 7 7 7 7 7 7 7 7 0 0\n" +
		"intr 1 2 3\n"
	got := parseUsage(stat, []int{0, 1})
	if want := (usage{all: 5710 * time.Millisecond, busy: 660 * time.Millisecond}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	u := usage{all: 10 * time.Second, busy: 9 * time.Second, own: 6 * time.Second}
	if got := u.others(); got != 0.3 {
		t.Errorf("others have %v, want 0.3", got)
	}
}

func TestParseCPU(t *testing.T) {
	info := "processor\t: 0\ncpu family\t: 6\nmodel\t\t: 143\nmodel name\t: Some CPU\n\nprocessor\t: 1\nmodel\t\t: 9\n"
	if got, want := parseCPU(info), "Some CPU (family 6 model 143)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
