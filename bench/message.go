package main

import (
	"encoding/binary"
	"fmt"
)

// lineSize is the distance between two stamps in a message.
const lineSize = 64

// Every message carries its sequence number in the first 8 bytes of each of
// its 64-byte lines. The sender writes all of them and the receiver reads all
// of them, in every system alike, so that a zero-copy system moves every
// cache line of a message just as a copying one does.

func stamp(msg []byte, seq uint64) {
	for i := 0; i+8 <= len(msg); i += lineSize {
		binary.LittleEndian.PutUint64(msg[i:], seq)
	}
}

// stamped reports whether every line of msg carries seq.
func stamped(msg []byte, seq uint64) bool {
	for i := 0; i+8 <= len(msg); i += lineSize {
		if binary.LittleEndian.Uint64(msg[i:]) != seq {
			return false
		}
	}
	return true
}

// A message is a plain type of one of the sizes that are measured.
type message interface {
	[1]uint64 | [8]uint64 | [32]uint64 | [128]uint64 | [512]uint64 | [2048]uint64 | [8192]uint64 | [32768]uint64 | [131072]uint64
}

// The race detector would look at all of *m for each of its words, in minutes.
//
//go:norace
func stampValue[T message](m *T, seq uint64) {
	for i := 0; i < len(*m); i += lineSize / 8 {
		(*m)[i] = seq
	}
}

//go:norace
func stampedValue[T message](m *T, seq uint64) bool {
	for i := 0; i < len(*m); i += lineSize / 8 {
		if (*m)[i] != seq {
			return false
		}
	}
	return true
}

// wrongMessage is the error of a loop that received something else than
// message seq, whole.
func wrongMessage(seq uint64) error {
	return fmt.Errorf("message %d is missing, damaged or out of order", seq)
}
