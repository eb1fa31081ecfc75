package main

import "fmt"

// The message sizes and batches of the stream workload, and more of them that
// make curves: sizes one by one, batches of 8 bytes.
var (
	streamSizes   = []int{8, 64, 1 << 10, 64 << 10}
	streamBatches = []int{1, 256}
	curveSizes    = []int{256, 4 << 10, 16 << 10, 256 << 10, 1 << 20}
	curveBatches  = []int{4, 16, 64, 1024}
)

// bufferSize is how many bytes of messages a system may have under way in a
// stream: the size of pipes and socket buffers. No system may have more.
const bufferSize = 1 << 20

// streamRows expands one stream system over the sizes and the given batches.
func streamRows(r row, batches ...int) []row {
	r.Workload, r.Procs = stream, 2
	var rows []row
	for _, size := range streamSizes {
		for _, batch := range batches {
			r.Size, r.Batch, r.long = size, batch, size > 64 && batch > 1
			rows = append(rows, r)
		}
	}
	r.long = true
	for _, size := range curveSizes {
		r.Size, r.Batch = size, 1
		rows = append(rows, r)
	}
	if len(batches) == 1 {
		return rows
	}
	for _, batch := range curveBatches {
		r.Size, r.Batch = 8, batch
		rows = append(rows, r)
	}
	return rows
}

// capacityRows expands one ring of 8-byte messages over its capacity.
func capacityRows(r row) []row {
	r.Workload, r.Size, r.Procs, r.long = capacity, 8, 2, true
	var rows []row
	for _, r.Batch = range streamBatches {
		for r.slots = 64; r.slots <= 1<<20; r.slots *= 4 {
			r.Mode = fmt.Sprintf("slots-%d", r.slots)
			rows = append(rows, r)
		}
	}
	return rows
}

// crowd is how many sides there are of one object where they have to share
// two CPUs.
const crowd = 8

// contendRows expands one lock or semaphore over 1 side and 2 sides.
func contendRows(r row) []row {
	r.Batch = 1
	alone, both := r, r
	alone.Procs, both.Procs = 1, 2
	if !crossProcess && !r.inProcess {
		return []row{alone}
	}
	return []row{alone, both}
}

// crowdRows expands one lock over a crowd: the time of a pair, and the
// longest standstill.
func crowdRows(r row) []row {
	if !crossProcess && !r.inProcess {
		return nil
	}
	r.Batch, r.Procs = 1, crowd
	still := r
	still.Workload = standstill
	return []row{r, still}
}

// The modes of rows whose sides share one queue.
const (
	both  = "both"  // each side sends and receives, in turn
	split = "split" // the first half of the sides sends, the other half receives
)

// sharedRows expands one queue over 2 sides and more, up to a crowd.
func sharedRows(r row) []row {
	if !crossProcess && !r.inProcess {
		return nil
	}
	r.Size = 8
	var rows []row
	for _, x := range []struct {
		workload, mode string
		batch, procs   int
		long           bool
	}{
		{shared, both, 1, 2, false},
		{shared, both, 1, crowd, false},
		{shared, both, 256, 2, false},
		{shared, both, 256, crowd, true},
		{shared, split, 1, 2, false},
		{shared, split, 1, 4, true},
		{shared, split, 1, crowd, false},
		{standstill, both, 1, crowd, false},
		{standstill, split, 1, crowd, true},
	} {
		r.Workload, r.Mode, r.Batch, r.Procs, r.long = x.workload, x.mode, x.batch, x.procs, x.long
		rows = append(rows, r)
	}
	return rows
}

// sharedSizeRows expands one queue over more sizes of messages, from two senders to
// two receivers.
func sharedSizeRows(r row) []row {
	if !crossProcess {
		return nil
	}
	r.Workload, r.Mode, r.Batch, r.Procs, r.long = shared, split, 1, 4, true
	var rows []row
	for _, r.Size = range []int{64, 1 << 10} {
		rows = append(rows, r)
	}
	return rows
}

// tripRows expands one ring over the modes of a round trip.
func tripRows(r row) []row {
	spin, park := tripRow(r), tripRow(r)
	spin.Mode, park.Mode = "spin", "park"
	return append(append([]row{spin}, defaultTripRows(r)...), park)
}

// defaultTripRows are the round trips of one system in the one mode that
// all systems have, alone on the machine and not.
func defaultTripRows(r row) []row {
	r.Mode = "default"
	alone := tripRow(r)
	busy := alone
	busy.Workload = loaded
	return []row{alone, busy}
}

func tripRow(r row) row {
	r.Workload, r.Size, r.Batch, r.Procs = roundtrip, 8, 1, 2
	return r
}
