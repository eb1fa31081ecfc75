//go:build linux

package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A report is what a side has done.
type report struct {
	ops   int
	nanos int64
}

// parseReport reads the line in which a side reports.
func parseReport(line string) (r report, err error) {
	line, whole := strings.CutSuffix(line, "\n")
	ops, nanos, two := strings.Cut(line, " ")
	if !whole || !two {
		return r, fmt.Errorf("%q is no report", line)
	}
	if r.ops, err = strconv.Atoi(ops); err != nil {
		return r, err
	}
	if r.nanos, err = strconv.ParseInt(nanos, 10, 64); err != nil {
		return r, err
	}
	if r.ops < 0 || r.nanos <= 0 {
		return r, fmt.Errorf("a report of %d operations in %d ns", r.ops, r.nanos)
	}
	return r, nil
}

// elapsed returns how long the slowest side took, and what all have done.
func elapsed(reports []report) (nanos int64, ops int) {
	for _, r := range reports {
		nanos = max(nanos, r.nanos)
		ops += r.ops
	}
	return nanos, ops
}

// cost returns the nanoseconds that one operation took. Where sides contend, it is
// the time from one to the next, whoever does it.
func (r row) cost(reports []report) (float64, error) {
	nanos, ops := elapsed(reports)
	if !r.first {
		ops /= len(reports)
	}
	if ops == 0 {
		return 0, errors.New("no side has done anything")
	}
	return float64(nanos) / float64(ops), nil
}
