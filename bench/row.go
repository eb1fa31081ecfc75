package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// The workloads, in the order in which they are run and shown.
const (
	roundtrip = "roundtrip" // one message there and one back: nanoseconds
	stream    = "stream"    // one way, as fast as it goes: messages per second
	lock      = "lock"      // Lock + Unlock: nanoseconds a pair
	sem       = "semaphore" // Acquire(1) + Release(1): nanoseconds a pair
)

var workloads = []string{roundtrip, stream, lock, sem}

// A row is one line of the result: one workload on one system.
type row struct {
	Workload string
	System   string
	Mode     string // how a round trip waits, or which form of an API a stream uses; may be empty
	Size     int    // bytes in a message; 0 where there is none
	Batch    int    // messages handed over by one call
	Procs    int    // sides taking part: processes, or goroutines of one process for an in-process reference

	// inProcess rows are references: all sides are goroutines of one process.
	inProcess bool
	// wire makes what the sides share. It runs in the coordinating process
	// and is nil where the sides share nothing that a descriptor carries.
	wire func(row) (*wiring, error)
	// attach runs in each peer process, once, with the files of its wiring.
	attach func(row, inherited) (joiner, error)
}

// A loop does n operations. The messages it sends or receives are numbered
// seq, seq+1, …; a loop that receives another number returns an error. It
// holds the whole measured code of its system, so that no call through an
// interface or a closure comes between two messages.
type loop func(seq uint64, n int) error

// A joiner makes the loop of one side, 0 or 1. In a round trip, side 0 asks
// and side 1 answers; in a stream, side 0 sends and side 1 receives.
type joiner func(side int) (loop, error)

// wiring is what the sides of a row share, as the coordinator makes it. It
// lets go of its part once all sides have attached.
type wiring struct {
	files   [2][]*os.File // inherited by each side's process as descriptors 3, 4, …
	segment string        // name of a segment, if that is not among the files
	release func()        // in addition to closing the files; may be nil
}

func (w *wiring) close() {
	for _, files := range w.files {
		for _, f := range files {
			f.Close()
		}
	}
	if w.release != nil {
		w.release()
	}
}

// inherited is what a peer gets of its wiring.
type inherited struct {
	files   []*os.File
	segment string
}

// name is what -run matches and -list prints: the row's parts, joined by slashes.
func (r row) name() string {
	parts := []string{r.Workload, r.System}
	if r.Mode != "" {
		parts = append(parts, r.Mode)
	}
	switch r.Workload {
	case roundtrip:
		parts = append(parts, strconv.Itoa(r.Size))
	case stream:
		parts = append(parts, strconv.Itoa(r.Size), strconv.Itoa(r.Batch))
	default:
		parts = append(parts, strconv.Itoa(r.Procs))
	}
	return strings.Join(parts, "/")
}

func (r row) unit() string {
	switch r.Workload {
	case roundtrip:
		return "ns"
	case stream:
		return "msg/s"
	default:
		return "ns/op"
	}
}

// A group holds rows that compete: their rounds are interleaved, and they
// share one table.
type group struct {
	rows []row
}

func (r row) sameGroup(o row) bool {
	return r.Workload == o.Workload && r.Size == o.Size && r.Batch == o.Batch && groupProcs(r) == groupProcs(o)
}

func (g group) title() string {
	r := g.rows[0]
	switch r.Workload {
	case roundtrip:
		return fmt.Sprintf("round trip, %s", sizeText(r.Size))
	case stream:
		if r.Batch == 1 {
			return fmt.Sprintf("stream, %s, one by one", sizeText(r.Size))
		}
		return fmt.Sprintf("stream, %s, batches of %d", sizeText(r.Size), r.Batch)
	default:
		if r.Procs == 1 {
			return r.Workload + ", uncontended"
		}
		return fmt.Sprintf("%s, %d contending", r.Workload, r.Procs)
	}
}

// systems lists the sources of rows. Within a group, rows keep this order.
var systems = []func() []row{
	limitRows,
	spscRows, mpmcRows, bytesRows,
	lockRows, semaphoreRows,
	chanRows, mutexRows,
	descriptorRows, tokenRows, flockRows,
}

// allRows returns every row that this platform can run, group by group.
func allRows() []row {
	var rows []row
	for _, system := range systems {
		rows = append(rows, system()...)
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(
			cmp.Compare(slices.Index(workloads, a.Workload), slices.Index(workloads, b.Workload)),
			cmp.Compare(a.Size, b.Size),
			cmp.Compare(a.Batch, b.Batch),
			groupProcs(a)-groupProcs(b),
		)
	})
	return rows
}

// groupProcs is the number of sides where that sets groups apart.
func groupProcs(r row) int {
	if r.Workload == lock || r.Workload == sem {
		return r.Procs
	}
	return 0
}

func findRow(name string) (row, bool) {
	for _, r := range allRows() {
		if r.name() == name {
			return r, true
		}
	}
	return row{}, false
}

// groups cuts rows, sorted as allRows returns them, into groups.
func groups(rows []row) []group {
	var gs []group
	for _, r := range rows {
		if n := len(gs); n > 0 && gs[n-1].rows[0].sameGroup(r) {
			gs[n-1].rows = append(gs[n-1].rows, r)
			continue
		}
		gs = append(gs, group{rows: []row{r}})
	}
	return gs
}

func sizeText(size int) string {
	if size >= 1<<10 && size%(1<<10) == 0 {
		return fmt.Sprintf("%d KiB", size>>10)
	}
	return fmt.Sprintf("%d B", size)
}

// contended reports whether several sides of r fight for one lock.
func (r row) contended() bool {
	return (r.Workload == lock || r.Workload == sem) && r.Procs > 1
}
