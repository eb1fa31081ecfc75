package main

import (
	"os"
	"slices"
	"testing"
	"time"
)

func TestParseUsage(t *testing.T) {
	const stat = `cpu  1000 200 300 4000 50 60 70 80 90 10
cpu0 100 20 30 400 5 6 7 8 9 1
cpu1 1 1 1 1 1 1 1 1 1 1
cpu11 200 20 30 400 5 6 7 8 9 1
intr 1 2 3 4 5 6 7 8 9
`
	got := parseUsage(stat, []int{0, 11})
	if want := (usage{all: 1252 * tick, busy: 400 * tick}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := parseUsage("nothing of the kind", []int{0}); got != (usage{}) {
		t.Errorf("%+v of a file that is another", got)
	}
}

func TestFamily(t *testing.T) {
	got := family(map[int]int{1: 0, 2: 1, 3: 2, 4: 3, 5: 1, 6: 2}, 2)
	slices.Sort(got)
	if !slices.Equal(got, []int{2, 3, 4, 6}) {
		t.Errorf("family %v", got)
	}
	pid, parent, ok := parseParent("12 (a) b (c) S 7 12 12 0 -1")
	if pid != 12 || parent != 7 || !ok {
		t.Errorf("process %d of %d, %v", pid, parent, ok)
	}
}

func TestParseEndedTime(t *testing.T) {
	const stat = "12 (a) b (c)) S 7 12 12 0 -1 4194560 100 200 0 0 5 6 70 800 20 0 1 0"
	if got := parseEndedTime(stat); got != 870*tick {
		t.Errorf("%v, want %v", got, 870*tick)
	}
	if got := parseEndedTime("12 (a"); got != 0 {
		t.Errorf("%v of half a line", got)
	}
}

// What a child has computed stays its parent's own time when it has ended.
func TestUsageCountsEndedChildrenAsOwn(t *testing.T) {
	cmd, err := startLoad(t.Context(), cpuPair())
	if err != nil {
		t.Fatal(err)
	}
	before := endedTime(os.Getpid())
	for start := time.Now(); processTime(cmd.Process.Pid) < 5*tick; time.Sleep(time.Millisecond) {
		if time.Since(start) > patience() {
			t.Fatal("a child that computes has no time")
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	if got := endedTime(os.Getpid()) - before; got < 3*tick {
		t.Errorf("%v of a child that has had %v", got, 5*tick)
	}
}

// What a child of this process computes is its own time.
func TestUsageCountsChildrenAsOwn(t *testing.T) {
	if readUsage().all == 0 {
		t.Skip("no /proc/stat with lines of these CPUs")
	}
	cmd, err := startLoad(t.Context(), cpuPair())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	before := readUsage()
	for start := time.Now(); readUsage().since(before).own < 50*time.Millisecond; {
		if time.Since(start) > patience() {
			t.Fatalf("a child that computes adds nothing: %+v", readUsage().since(before))
		}
		time.Sleep(time.Millisecond)
	}
	if slices.Contains(family(parents(), cmd.Process.Pid), os.Getpid()) {
		t.Error("a parent counts as a descendant")
	}
}
