package main

import (
	"slices"
	"testing"
)

func TestStampReachesEveryLine(t *testing.T) {
	for _, size := range slices.Concat(streamSizes, curveSizes) {
		msg := make([]byte, size)
		stamp(msg, 7)
		if !stamped(msg, 7) || stamped(msg, 8) {
			t.Errorf("size %d: stamp and stamped disagree", size)
		}
		for at := 0; at < size; at += lineSize {
			msg[at] ^= 1
			if stamped(msg, 7) {
				t.Errorf("size %d: damage at byte %d goes unseen", size, at)
			}
			msg[at] ^= 1
		}
	}
}

func TestStampValue(t *testing.T) {
	var m [8192]uint64
	stampValue(&m, 7)
	if !stampedValue(&m, 7) {
		t.Error("a stamped value is not seen as stamped")
	}
	for i := 0; i < len(m); i += lineSize / 8 {
		m[i]++
		if stampedValue(&m, 7) {
			t.Errorf("damage at word %d goes unseen", i)
		}
		m[i]--
	}
}

// A loop that gets another message than the next one says so.
func TestLoopsCheckTheSequence(t *testing.T) {
	c := make(chan [1]uint64, 2)
	if err := sendChan(c)(5, 2); err != nil {
		t.Fatal(err)
	}
	if err := receiveChan(c)(5, 1); err != nil {
		t.Errorf("message 5: %v", err)
	}
	if err := receiveChan(c)(7, 1); err == nil {
		t.Error("message 6 was taken for message 7")
	}
}
