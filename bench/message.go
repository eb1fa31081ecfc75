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

// stamp writes seq into msg.
func stamp(msg []byte, seq uint64) { stampAll(msg, len(msg), seq) }

// stamped reports whether every line of msg carries seq.
func stamped(msg []byte, seq uint64) bool { return stampedAll(msg, len(msg), seq) }

// stampAll writes seq and the numbers after it into the messages in buf, which
// are of one size.
func stampAll(buf []byte, size int, seq uint64) {
	for start := 0; start < len(buf); start += size {
		binary.LittleEndian.PutUint64(buf[start:], seq)
		for i := lineSize; i < size; i += lineSize {
			binary.LittleEndian.PutUint64(buf[start+i:], seq)
		}
		seq++
	}
}

func stampedAll(buf []byte, size int, seq uint64) bool {
	for start := 0; start < len(buf); start += size {
		if binary.LittleEndian.Uint64(buf[start:]) != seq {
			return false
		}
		for i := lineSize; i < size; i += lineSize {
			if binary.LittleEndian.Uint64(buf[start+i:]) != seq {
				return false
			}
		}
		seq++
	}
	return true
}

// newBatch returns the messages of a batch, and the bytes that they are, one behind the
// other.
func newBatch(size, batch int) (buf []byte, msgs [][]byte) {
	buf = make([]byte, size*batch)
	for i := range batch {
		msgs = append(msgs, buf[i*size:(i+1)*size])
	}
	return buf, msgs
}

// allOf reports whether all messages have that size.
func allOf(lens []int, size int) bool {
	for _, n := range lens {
		if n != size {
			return false
		}
	}
	return true
}

// A message is a plain type of one of the sizes that are measured.
type message interface {
	[1]uint64 | [8]uint64 | [32]uint64 | [128]uint64 | [512]uint64 | [2048]uint64 | [8192]uint64 | [32768]uint64 | [131072]uint64
}

// stampValues writes seq and the numbers after it into ms.
//
// The race detector would look at all of a message for each of its words, in
// minutes.
//
//go:norace
func stampValues[T message](ms []T, seq uint64) {
	for i := range ms {
		m := &ms[i]
		(*m)[0] = seq
		for j := lineSize / 8; j < len(*m); j += lineSize / 8 {
			(*m)[j] = seq
		}
		seq++
	}
}

//go:norace
func stampedValues[T message](ms []T, seq uint64) bool {
	for i := range ms {
		m := &ms[i]
		if (*m)[0] != seq {
			return false
		}
		for j := lineSize / 8; j < len(*m); j += lineSize / 8 {
			if (*m)[j] != seq {
				return false
			}
		}
		seq++
	}
	return true
}

// stampValue and stampedValue are the same for one message, which may lie in a ring.
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
