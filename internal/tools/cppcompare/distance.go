//go:build linux

package main

// A distance is how far from each other the two CPUs were during a sample.
type distance string

const (
	near  distance = "near"
	far   distance = "far"
	mixed distance = "mixed" // it changed
)

var distances = []distance{near, far, mixed}

// nearest is the least time of a bare cache line, there and back, between CPUs that
// are far from each other, in nanoseconds: as in bench.
const nearest = 200

func distanceAt(limit float64) distance {
	if limit < nearest {
		return near
	}
	return far
}

// distanceOf tells it from the limits right before and after a sample.
func distanceOf(before, after float64) distance {
	d := distanceAt(before)
	if distanceAt(after) != d {
		return mixed
	}
	return d
}
