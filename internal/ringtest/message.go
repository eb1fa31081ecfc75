package ringtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// A Type is a plain type of messages.
type Type[T comparable] struct {
	Make   func(n uint64) T
	Number func(v T) uint64 // of what Make has made
	Mask   uint64           // what of n is in it
}

// A Text is the length of a message of bytes that stands for n: at least 8, and at most
// longest.
type Text func(n uint64, longest int) int

// A Job has fields of several kinds, and room between them.
type Job struct {
	ID    uint64
	Flag  bool
	Share float64
	Tag   [9]byte
}

var (
	// Words are numbers as such.
	Words = Type[uint64]{func(n uint64) uint64 { return n }, func(v uint64) uint64 { return v }, ^uint64(0)}

	// Jobs are structs.
	Jobs = Type[Job]{
		func(n uint64) Job {
			v := Job{ID: n, Flag: n&1 != 0, Share: float64(n)}
			Fill(v.Tag[:], n)
			return v
		},
		func(v Job) uint64 { return v.ID }, ^uint64(0),
	}

	// Pages take longer to copy.
	Pages = Type[[1024]byte]{
		func(n uint64) (v [1024]byte) { Fill(v[:], n); return v },
		func(v [1024]byte) uint64 { return Number(v[:]) }, ^uint64(0),
	}

	octets  = Type[uint8]{func(n uint64) uint8 { return uint8(n) }, func(v uint8) uint64 { return uint64(v) }, 0xff}
	triples = Type[[3]byte]{
		func(n uint64) (v [3]byte) { Fill(v[:], n); return v },
		func(v [3]byte) uint64 { return uint64(v[0]) | uint64(v[1])<<8 | uint64(v[2])<<16 }, 1<<24 - 1,
	}
	odds = Type[[5001]byte]{
		func(n uint64) (v [5001]byte) { Fill(v[:], n); return v },
		func(v [5001]byte) uint64 { return Number(v[:]) }, ^uint64(0),
	}
)

// Fill writes n to b, low byte first, and other words that follow from n behind it.
func Fill(b []byte, n uint64) {
	for ; len(b) >= 8; n += 0x9e3779b97f4a7c15 {
		binary.LittleEndian.PutUint64(b, n)
		b = b[8:]
	}
	for i := range b {
		b[i] = byte(n >> (i * 8))
	}
}

// Number reads what Fill wrote to 8 bytes or more.
func Number(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// A code is how the messages of one ring stand for numbers.
type code[M any] struct {
	make func(n uint64) M
	read func(m M) (uint64, error) // the inverse
	mask uint64
}

func (t Type[T]) code() code[T] {
	return code[T]{t.Make, func(v T) (uint64, error) {
		n := t.Number(v)
		if v != t.Make(n) {
			return n, fmt.Errorf("message %d is torn: %v", n, v)
		}
		return n, nil
	}, t.Mask}
}

func (t Text) code(longest int) code[[]byte] {
	text := func(n uint64) []byte {
		b := make([]byte, t(n, longest))
		Fill(b, n)
		return b
	}
	return code[[]byte]{text, func(b []byte) (uint64, error) {
		if len(b) < 8 {
			return 0, fmt.Errorf("message of %d bytes", len(b))
		}
		n := Number(b)
		if !bytes.Equal(b, text(n)) {
			return n, fmt.Errorf("message %d is torn: %x", n, b)
		}
		return n, nil
	}, ^uint64(0)}
}
