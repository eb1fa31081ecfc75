//go:build linux

package main

import (
	"github.com/isthmus-go/isthmus/shm"
)

// A row is what systems are compared at. The C++ side has the same names.
type row struct {
	name   string
	system string // of Isthmus
	sides  int
	// first ends a turn when the first side has done all its operations, so that all
	// sides contend all the time. Otherwise, each side does all of them.
	first bool
	rate  bool // shown as operations a second, not as the time of one
	// attach returns the loop of a side.
	attach func(seg *shm.Segment, side int) (loop, error)
}

// A loop does n operations. The messages that it sends or receives are numbered seq,
// seq+1, … It holds the whole measured code of its system.
type loop func(seq uint64, n int) error

var rows = []row{
	{name: "spsc/8", system: "ring.SPSC", sides: 2, rate: true, attach: attachSPSC[[1]uint64](oneByOne)},
	{name: "spsc/64", system: "ring.SPSC", sides: 2, rate: true, attach: attachSPSC[[8]uint64](oneByOne)},
	{name: "spsc/1024", system: "ring.SPSC", sides: 2, rate: true, attach: attachSPSC[[128]uint64](oneByOne)},
	{name: "spsc/1024/in-place", system: "ring.SPSC", sides: 2, rate: true, attach: attachSPSC[[128]uint64](inPlace)},
	{name: "spsc/8/batch-256", system: "ring.SPSC", sides: 2, rate: true, attach: attachSPSC[[1]uint64](batches)},
	{name: "roundtrip/8", system: "ring.SPSC", sides: 2, attach: attachTrips},
	{name: "mpmc/1:1", system: "ring.MPMC", sides: 2, rate: true, attach: attachStreamMPMC},
	{name: "mpmc/2:2", system: "ring.MPMC", sides: 2, first: true, rate: true, attach: attachBothMPMC},
	{name: "lock/alone", system: "shm.Lock", sides: 1, attach: attachLock},
	{name: "lock/contended", system: "shm.Lock", sides: 2, first: true, attach: attachLock},
	{name: "semaphore/alone", system: "semaphore", sides: 1, attach: attachSemaphore},
	{name: "semaphore/contended", system: "semaphore", sides: 2, first: true, attach: attachSemaphore},
}

// gauge is the row whose bare cache line tells near CPUs from far ones.
const (
	gaugeRow    = "roundtrip/8"
	gaugeSystem = "bare cache line"
)

func findRow(name string) (row, bool) {
	for _, r := range rows {
		if r.name == name {
			return r, true
		}
	}
	return row{}, false
}
