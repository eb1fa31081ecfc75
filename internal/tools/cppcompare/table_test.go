//go:build linux

package main

import (
	"strings"
	"testing"
)

var (
	lockSystems   = []string{"shm.Lock", "pthread mutex"}
	streamSystems = []string{"ring.SPSC", "cached indices"}
)

func TestTable(t *testing.T) {
	results := []result{
		{row{name: "lock/alone"}, lockSystems, map[distance][]sample{
			near: {{10, 15}, {12, 12}, {10, 20}},
			far:  {{20, 10}},
		}},
		{row{name: "spsc/8", rate: true}, streamSystems, map[distance][]sample{
			far: {{10, 40}},
		}},
	}
	var out strings.Builder
	if err := printTable(&out, results); err != nil {
		t.Fatal(err)
	}
	want := `                                                  near CPUs: Isthmus is            far CPUs: Isthmus is
lock/alone           shm.Lock                         10 ns   (n = 3)                  20 ns   (n = 1)
                     pthread mutex                    15 ns   1.50 (1.25-1.75)         10 ns   0.50 (0.50-0.50)
spsc/8               ring.SPSC                    -                                   100 M/s  (n = 1)
                     cached indices               -                                    25 M/s  4.00 (4.00-4.00)
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestTableOfOneDistance: a distance that did not occur has no columns.
func TestTableOfOneDistance(t *testing.T) {
	results := []result{{row{name: "lock/alone"}, lockSystems, map[distance][]sample{far: {{20, 10}}}}}
	var out strings.Builder
	if err := printTable(&out, results); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "near") {
		t.Errorf("there is a column for near CPUs:\n%s", out.String())
	}
}

func TestRowWithoutSamples(t *testing.T) {
	results := []result{
		{row{name: "lock/alone"}, lockSystems, map[distance][]sample{far: {{20, 10}}}},
		{row{name: "spsc/8"}, streamSystems, map[distance][]sample{}},
	}
	var out strings.Builder
	err := printTable(&out, results)
	if err == nil || !strings.Contains(err.Error(), "spsc/8") {
		t.Errorf("error %v; want one about spsc/8", err)
	}
	if !strings.Contains(out.String(), "lock/alone") {
		t.Errorf("the other row is missing:\n%s", out.String())
	}
}
