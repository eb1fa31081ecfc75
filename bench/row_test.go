package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// Every row runs, in real processes, and its messages arrive.
func TestEveryRow(t *testing.T) {
	for _, g := range groups(allRows()) {
		if g.rows[0].Size == 1<<30 {
			continue // gigabytes take seconds, and megabytes the same code
		}
		t.Run(strings.ReplaceAll(g.title(), " ", "_"), func(t *testing.T) {
			t.Parallel() // most of the time is waiting
			for _, r := range measureTiny(t, g.rows...) {
				if r.Value <= 0 || r.Min > r.Value || r.Value > r.Max {
					t.Errorf("%+v: want 0 < min <= value <= max", r)
				}
			}
		})
	}
}

// The library's rows also run over a segment that has a name, which is gone
// afterwards.
func TestNamedSegment(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("ISTHMUS_DIR", dir)
	r := mustFind(t, "stream/ring.SPSC/64/256")
	r.wire = wireNamedSegment
	measureTiny(t, r)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("files left: %v, %v", left, err)
	}
}

func TestRowNames(t *testing.T) {
	seen := map[string]bool{}
	benchNames := map[string]bool{}
	for _, r := range allRows() {
		if seen[r.name()] {
			t.Errorf("two rows are named %s", r.name())
		}
		seen[r.name()] = true
		if name := r.Workload + "/" + r.benchName(); benchNames[name] {
			t.Errorf("two benchmarks are named %s", name)
		} else {
			benchNames[name] = true
		}
		if found, ok := findRow(r.name()); !ok || found.System != r.System || found.Size != r.Size {
			t.Errorf("findRow(%q) = %v, %v", r.name(), found.name(), ok)
		}
	}
}

// A group is not torn apart by the order of rows.
func TestGroupsAreWhole(t *testing.T) {
	titles := map[string]bool{}
	for _, g := range groups(allRows()) {
		if titles[g.title()] {
			t.Errorf("two groups %q", g.title())
		}
		titles[g.title()] = true
	}
}

func TestList(t *testing.T) {
	var out bytes.Buffer
	if code := benchMain(context.Background(), []string{"-list", "-run", "^roundtrip/"}, &out); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	var want []string
	for _, r := range allRows() {
		if r.Workload == roundtrip {
			want = append(want, r.name())
		}
	}
	if got := strings.Fields(out.String()); !slices.Equal(got, want) {
		t.Errorf("-list prints\n%v\nwant\n%v", got, want)
	}
}

// What takes long is measured in a full run, or if -run asks for it.
func TestQuickLeavesOutLongRows(t *testing.T) {
	count := func(args ...string) int {
		var out bytes.Buffer
		if code := benchMain(context.Background(), append(args, "-list"), &out); code != 0 {
			t.Fatalf("%q: exit code %d", args, code)
		}
		return len(strings.Fields(out.String()))
	}
	short := 0
	for _, r := range allRows() {
		if !r.long {
			short++
		}
	}
	if got := count(); got != len(allRows()) {
		t.Errorf("%d rows in all, want %d", got, len(allRows()))
	}
	if got := count("-quick"); got != short || short == len(allRows()) {
		t.Errorf("%d quick rows, want %d of %d", got, short, len(allRows()))
	}
	if got := count("-quick", "-run", "^stream/chan/1048576/"); got != 1 {
		t.Errorf("%d rows that were asked for, want 1", got)
	}
}

// A ring holds what its row says, or what others may hold as well.
func TestRingCapacity(t *testing.T) {
	for name, want := range map[string]int{
		"capacity/ring.SPSC/slots-64/8/1":        64,
		"capacity/ring.MPMC/slots-1048576/8/256": 1 << 20,
		"stream/ring.SPSC/8/1":                   32768,
		"stream/ring.SPSC/65536/256":             16,
		"stream/ring.Bytes/262144/1":             4,
		"stream/ring.Bytes/zerocopy/1048576/1":   4,
		"stream/ring.BytesMPMC/1048576/1":        4,
	} {
		r := mustFind(t, name)
		if got := r.ringCapacity(); got != want {
			t.Errorf("%s: %d slots, want %d", name, got, want)
		}
		if need := int64(want * (r.Size + 8)); r.segmentSize() < need {
			t.Errorf("%s: %d bytes in its segment, needs %d", name, r.segmentSize(), need)
		}
	}
}

func TestWrongCommandLine(t *testing.T) {
	for _, args := range [][]string{{"-nosuch"}, {"-run", "("}, {"extra"}, {"-run", "^nothing$"}} {
		var out bytes.Buffer
		if code := benchMain(context.Background(), args, &out); code != 2 || out.Len() > 0 {
			t.Errorf("%q: exit code %d, output %q; want 2 and none", args, code, out.String())
		}
	}
}

// The keys of a JSON line are a contract with the programs that read them.
func TestJSONContract(t *testing.T) {
	keys := []string{"workload", "system", "mode", "size", "batch", "procs", "unit", "value", "min", "max", "cpus", "limit", "others"}
	for _, test := range []struct {
		row   row
		unit  string
		procs float64
		extra []string
	}{
		{mustFind(t, "roundtrip/chan/default/8"), "ns", 2, []string{"p50", "p99", "p999"}},
		{mustFind(t, "stream/chan/64/256"), "msg/s", 2, nil},
		{mustFind(t, "lock/sync.Mutex/1"), "ns/op", 1, nil},
		{mustFind(t, "semaphore/chan/2"), "ns/op", 2, nil},
	} {
		var out bytes.Buffer
		results := measureTiny(t, test.row)
		if err := printResults(&out, options{json: true}, group{rows: []row{test.row}}, results); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "\n"); n != 1 {
			t.Fatalf("%s: %d lines, want 1", test.row.name(), n)
		}
		var got map[string]any
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		want := append(slices.Clone(keys), test.extra...)
		if len(got) != len(want) {
			t.Errorf("%s: keys of %v, want %v", test.row.name(), got, want)
		}
		for _, key := range want {
			if _, ok := got[key]; !ok {
				t.Errorf("%s: no key %q in %s", test.row.name(), key, out.String())
			}
		}
		if got["unit"] != test.unit || got["procs"] != test.procs || got["system"] != test.row.System ||
			got["size"] != float64(test.row.Size) || got["batch"] != float64(test.row.Batch) {
			t.Errorf("%s: %s", test.row.name(), out.String())
		}
	}
}

func mustFind(t *testing.T, name string) row {
	t.Helper()
	r, ok := findRow(name)
	if !ok {
		t.Fatalf("no row %s", name)
	}
	return r
}
