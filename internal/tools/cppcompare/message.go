//go:build linux

package main

import "fmt"

// A message carries its number in each of its cache lines.
type message interface {
	[1]uint64 | [8]uint64 | [128]uint64
}

const wordsPerLine = 8

func stamp[T message](m *T, seq uint64) {
	for i := 0; i < len(*m); i += wordsPerLine {
		(*m)[i] = seq
	}
}

func stamped[T message](m *T, seq uint64) bool {
	for i := 0; i < len(*m); i += wordsPerLine {
		if (*m)[i] != seq {
			return false
		}
	}
	return true
}

func wrongMessage(seq uint64) error {
	return fmt.Errorf("message %d is missing, damaged or out of order", seq)
}

// slots is the number of slots of a queue; the C++ side has the same ones.
func slots[T message]() int {
	var m T
	if len(m) <= wordsPerLine {
		return 4096
	}
	return 256
}
