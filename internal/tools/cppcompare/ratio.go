//go:build linux

package main

import "slices"

// A sample is the cost of an operation of each system of a row, measured by turns in
// one moment. That of Isthmus comes first.
type sample []float64

// A spread is the quartiles of values.
type spread struct{ low, middle, high float64 }

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	at := func(q float64) float64 { // between the values on both sides
		x := q * float64(len(sorted)-1)
		i := int(x)
		j := min(i+1, len(sorted)-1)
		return sorted[i] + (x-float64(i))*(sorted[j]-sorted[i])
	}
	return spread{at(0.25), at(0.5), at(0.75)}
}

// cost returns the cost of system i.
func cost(samples []sample, i int) spread {
	var values []float64
	for _, s := range samples {
		values = append(values, s[i])
	}
	return spreadOf(values)
}

// ratio returns how many times as fast as system i Isthmus is.
func ratio(samples []sample, i int) spread {
	var values []float64
	for _, s := range samples {
		values = append(values, s[i]/s[0])
	}
	return spreadOf(values)
}
