package main

// The message sizes and batches of the stream workload.
var (
	streamSizes   = []int{8, 64, 1 << 10, 64 << 10}
	streamBatches = []int{1, 256}
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
			r.Size, r.Batch = size, batch
			rows = append(rows, r)
		}
	}
	return rows
}

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

// tripRows expands one ring over the modes of a round trip.
func tripRows(r row) []row {
	r.Workload, r.Size, r.Batch, r.Procs = roundtrip, 8, 1, 2
	var rows []row
	for _, mode := range []string{"spin", "default", "park"} {
		r.Mode = mode
		rows = append(rows, r)
	}
	return rows
}
