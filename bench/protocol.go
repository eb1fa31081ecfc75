package main

// A peer is this same executable, told by these environment variables what
// to be. It reads one command a line from its standard input and writes one
// report a line to its standard output; it ends when its input does.

const (
	peerRowEnv     = "ISTHMUS_BENCH_ROW"     // the row's name; set in peers only
	peerSidesEnv   = "ISTHMUS_BENCH_SIDES"   // first and last side it plays: "0 0", "1 1" or "0 1"
	peerFilesEnv   = "ISTHMUS_BENCH_FILES"   // how many descriptors it inherits, from 3 on
	peerSegmentEnv = "ISTHMUS_BENCH_SEGMENT" // the name of its segment, if that is not inherited
)

// A command makes a side do Ops operations.
type command struct {
	Ops    int    `json:"ops"`
	Sample bool   `json:"sample"` // time each round trip by itself
	Epoch  uint32 `json:"epoch"`  // counts the commands, from 1
	Nanos  int64  `json:"nanos"`  // if not 0, a crowd stops after this time at the latest
}

// A report answers a command, and the start of a peer.
type report struct {
	Err   string       `json:"err,omitempty"`
	Sides []sideReport `json:"sides,omitempty"`
}

type sideReport struct {
	Ops   int    `json:"ops"`
	Nanos int64  `json:"nanos"` // 0 on a side that does not measure
	Hist  []byte `json:"hist,omitempty"`
	// What a program sends that cannot make a Hist: the trips themselves.
	Trips []int64 `json:"trips,omitempty"`
	// In a crowd, the longest time in which the side got nothing done.
	Still int64 `json:"still,omitempty"`
}
