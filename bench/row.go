package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The workloads, in the order in which they are run and shown.
const (
	roundtrip  = "roundtrip"  // one message there and one back: nanoseconds
	loaded     = "loaded"     // the same beside a process that computes on the same CPUs
	stream     = "stream"     // one way, as fast as it goes: messages per second
	capacity   = "capacity"   // stream, by the number of slots of a ring
	shared     = "shared"     // one queue, several senders and receivers: messages per second
	lock       = "lock"       // Lock + Unlock: nanoseconds a pair
	sem        = "semaphore"  // Acquire(1) + Release(1): nanoseconds a pair
	standstill = "standstill" // of 8 sides of shared or lock: the longest time that one got nothing done
	idle       = "idle"       // waiting for what does not come: nanoseconds of CPU time a second
	call       = "call"       // a question and its answer by a protocol: nanoseconds
	create     = "create"     // making and closing a segment: nanoseconds
	pool       = "pool"       // a task of a pool of processes: nanoseconds
	factorial  = "factorial"  // the factorials of a range of numbers: nanoseconds
	starting   = "start"      // a process, from its start to its end: nanoseconds
)

var workloads = []string{roundtrip, loaded, stream, capacity, shared, lock, sem, standstill, call, idle, create, pool, factorial, starting}

// A row is one line of the result: one workload on one system.
type row struct {
	Workload string
	System   string
	Mode     string // how a round trip waits, or which form of an API a stream uses; may be empty
	Size     int    // bytes in a message; 0 where there is none
	Batch    int    // messages handed over by one call
	Procs    int    // sides taking part: processes, or goroutines of one process for an in-process reference

	// long rows are more points of a curve, or slow. -quick leaves them out.
	long bool
	// slots is what a ring holds, in rows that are about that.
	slots int

	// clock is what the row's time is measured by, of a side that is alone; nil
	// for the wall's.
	clock func() time.Duration

	// inProcess rows are references: all sides are goroutines of one process.
	inProcess bool
	// spread rows have one side, which has both CPUs, and so have the processes that it starts.
	spread bool
	// command makes the process that plays all sides, where that is another
	// program; nil where sides are this one.
	command func(ctx context.Context, r row, cpus []int) (*exec.Cmd, error)
	// foreign makes the process that plays one side, where that is another program, and no command
	// for a side that is this one; nil where all are this one.
	foreign func(ctx context.Context, r row, side int, in inherited) (*exec.Cmd, error)
	// wire makes what the sides share. It runs in the coordinating process
	// and is nil where the sides share nothing that a descriptor carries.
	wire func(row) (*wiring, error)
	// attach runs in each peer process, once, with the files of its wiring.
	attach func(row, inherited) (joiner, error)
}

// idleTime is how long an operation of an idle row waits: a second, as its unit says.
const idleTime = time.Second

// A loop does n operations. The messages it sends or receives are numbered
// seq, seq+1, …; a loop that receives another number returns an error. It
// holds the whole measured code of its system, so that no call through an
// interface or a closure comes between two messages.
type loop func(seq uint64, n int) error

// A joiner makes the loop of one side, from 0 on. In a round trip, side 0 asks
// and side 1 answers; in a stream, side 0 sends and side 1 receives.
type joiner func(side int) (loop, error)

// wiring is what the sides of a row share, as the coordinator makes it. It
// lets go of its part once all sides have attached.
type wiring struct {
	files   [][]*os.File // for each side, what its process inherits as descriptors 3, 4, …
	segment string       // name of a segment, if that is not among the files
	release func()       // in addition to closing the files; may be nil
}

// forAll gives all sides of r the same files.
func (r row) forAll(files ...*os.File) [][]*os.File {
	return slices.Repeat([][]*os.File{files}, r.Procs)
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
	if r.Size > 0 {
		parts = append(parts, strconv.Itoa(r.Size))
	}
	if r.batches() {
		parts = append(parts, strconv.Itoa(r.Batch))
	}
	if r.contends() {
		parts = append(parts, strconv.Itoa(r.Procs))
	}
	return strings.Join(parts, "/")
}

func (r row) unit() string {
	switch r.Workload {
	case roundtrip, loaded, standstill, call, idle, create, pool, factorial, starting:
		return "ns"
	case stream, capacity, shared:
		return "msg/s"
	default:
		return "ns/op"
	}
}

// trips reports whether r measures round trips.
func (r row) trips() bool { return r.Workload == roundtrip || r.Workload == loaded }

// streams reports whether r measures messages from one side to another.
func (r row) streams() bool { return r.Workload == stream || r.Workload == capacity }

// contends reports whether r is about one object that all sides use alike.
func (r row) contends() bool {
	switch r.Workload {
	case shared, lock, sem, standstill:
		return true
	}
	return false
}

// batches reports whether rows that differ in their batch only can exist.
func (r row) batches() bool { return r.streams() || r.Workload == call || r.Size > 0 && r.contends() }

// contended reports whether several sides of r fight for one object.
func (r row) contended() bool { return r.contends() && r.Procs > 1 }

// crowded reports whether the sides of r have to share CPUs, or are compared
// with some that do. Such a row runs for a time that lets the scheduler give
// each side its turns.
func (r row) crowded() bool {
	return r.Workload == shared || r.Workload == standstill || r.Procs > 2
}

// slow reports whether one operation of r takes milliseconds.
func (r row) slow() bool {
	return r.Workload == create || r.Workload == factorial || r.Workload == starting
}

// A group holds rows that compete: their rounds are interleaved, and they
// share one table.
type group struct {
	rows []row
}

func (r row) sameGroup(o row) bool { return compareGroups(r, o) == 0 }

// compareGroups orders rows by the group that they belong to.
func compareGroups(a, b row) int {
	return cmp.Or(
		cmp.Compare(slices.Index(workloads, a.Workload), slices.Index(workloads, b.Workload)),
		cmp.Compare(a.Size, b.Size),
		cmp.Compare(a.groupMode(), b.groupMode()),
		cmp.Compare(a.Batch, b.Batch),
		a.groupProcs()-b.groupProcs(),
	)
}

// groupMode is the mode where that sets groups apart.
func (r row) groupMode() string {
	if r.Workload == shared || r.Workload == standstill || r.Workload == call || r.Workload == pool {
		return r.Mode
	}
	return ""
}

// groupProcs sets apart what one side does alone. Two sides and more are
// compared with each other.
func (r row) groupProcs() int {
	if r.contends() {
		return min(r.Procs, 2)
	}
	return 0
}

func (g group) title() string {
	r := g.rows[0]
	portions := "one by one"
	if r.Batch > 1 {
		portions = fmt.Sprintf("batches of %d", r.Batch)
	}
	switch r.Workload {
	case roundtrip:
		return fmt.Sprintf("round trip, %s", sizeText(r.Size))
	case loaded:
		return fmt.Sprintf("loaded round trip, %s", sizeText(r.Size))
	case stream:
		return fmt.Sprintf("stream, %s, %s", sizeText(r.Size), portions)
	case capacity:
		return fmt.Sprintf("capacity, %s, %s", sizeText(r.Size), portions)
	case idle:
		return "idle, CPU time a second"
	case call:
		return fmt.Sprintf("%s, %s, %d at a time", r.Mode, sizeText(r.Size), r.Batch)
	case create:
		return fmt.Sprintf("segment of %s", sizeText(r.Size))
	case pool:
		return fmt.Sprintf("pool of %d, %s, tasks %s", poolWorkers, sizeText(r.Size), poolModes[r.Mode])
	case factorial:
		return fmt.Sprintf("factorials of 0 to %d", factorials-1)
	case starting:
		return "start and end of a process"
	case shared:
		return fmt.Sprintf("shared %s, %s, %s", r.Mode, sizeText(r.Size), portions)
	case standstill:
		if r.Size == 0 {
			return "longest standstill, lock"
		}
		return fmt.Sprintf("longest standstill, %s", r.Mode)
	default:
		if r.Procs == 1 {
			return r.Workload + ", uncontended"
		}
		return r.Workload + ", contended"
	}
}

func sizeText(size int) string {
	switch {
	case size >= 1<<30 && size%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", size>>30)
	case size >= 1<<20 && size%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", size>>20)
	case size >= 1<<10 && size%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", size>>10)
	}
	return fmt.Sprintf("%d B", size)
}
