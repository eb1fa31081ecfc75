package main

import (
	"slices"
)

// The two CPUs of a virtual machine now and then turn, in the middle of a run,
// from distant cores into siblings of one, or back, which changes what is
// measured up to five times. So the limit is measured right before and after
// each round of each row, and rounds are told apart by it: only those of one
// distance are compared.

// A distance is how far from each other the CPUs of the peers were.
type distance string

const (
	near    distance = "near"
	far     distance = "far"
	mixed   distance = "mixed" // it changed in the middle of the round
	unknown distance = ""      // there are no two CPUs to pin peers to
)

var distances = []distance{near, far, mixed, unknown}

// nearest is the least limit of CPUs that are far from each other, in
// nanoseconds: siblings take 70 to 120 for a round trip, and distant cores of a
// virtual machine 300 to 600.
const nearest = 200

// distanceAt returns what a limit tells of the CPUs.
func distanceAt(limit float64) distance {
	switch {
	case limit == 0:
		return unknown
	case limit < nearest:
		return near
	default:
		return far
	}
}

// distance tells what the CPUs were like during a round.
func (r roundResult) distance() distance {
	before, after := distanceAt(r.limits[0]), distanceAt(r.limits[1])
	if before != after {
		return mixed
	}
	return before
}

// distancesOf returns the distances of results, each once.
func distancesOf(results []result) []distance {
	return slices.DeleteFunc(slices.Clone(distances), func(d distance) bool { return len(at(d, results)) == 0 })
}

// at returns the results of one distance.
func at(d distance, results []result) []result {
	return slices.DeleteFunc(slices.Clone(results), func(r result) bool { return r.CPUs != d })
}
