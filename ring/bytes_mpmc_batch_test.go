package ring_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestByteBatches: how many messages one claim, and one take, covers.
func TestByteBatches(t *testing.T) {
	s := newSegment(t)
	const long, huge = 100, 1<<14 + 1 // two chunks, and 257
	for i, c := range []struct {
		name            string
		capacity, start int   // in chunks
		lens            []int // of the messages
		claimed, taken  int   // messages
	}{
		{"one", 16, 0, []int{long}, 1, 1},
		{"some", 16, 0, []int{8, long, 8, long}, 4, 4},
		{"half the ring", 16, 0, []int{long, long, long, 8, long}, 4, 4},
		{"to the end", 16, 13, []int{8, long, 8, 8}, 2, 2},
		{"not round it", 16, 13, []int{8, 8, long, 8}, 2, 2},
		{"round it, alone", 16, 15, []int{long, 8, 8}, 1, 1},
		{"too long a message", 16, 0, []int{8, 8, 16 * 64, 8}, 2, 2},
		{"256 chunks", 1024, 0, repeat(8, 300), 256, 256},
		{"256 chunks, long", 1024, 0, repeat(long, 300), 128, 128},
		{"huge", 1024, 0, []int{huge, 8}, 1, 1},
		{"huge behind", 1024, 0, []int{8, huge}, 1, 1},
		{"most of them taken", 1024, 0, repeat(8, 10), 10, 7},
	} {
		q := proctest.Must(ring.NewBytesMPMC(s, fmt.Sprint(i), 64*c.capacity))(t)
		for range c.start {
			proctest.Check(t, q.TryPush(nil))
			proctest.Must(q.TryPop(nil))(t)
		}
		var bs [][]byte
		for _, n := range c.lens {
			bs = append(bs, make([]byte, n))
		}
		pos, n, err := q.Claim(bs)
		proctest.Check(t, err)
		if n != c.claimed || pos != uint64(c.start) {
			t.Fatalf("%s: claimed %d messages at %d, want %d", c.name, n, pos, c.claimed)
		}
		q.Fill(pos, bs[:n], n)
		before := q.Len()
		lens := make([]int, c.taken)
		_, k, err := q.TryPopSome(nil, lens)
		proctest.Check(t, err)
		if k != c.taken || lens[k-1] != c.lens[k-1] || q.Len() >= before {
			t.Fatalf("%s: took %d messages, want %d; Len goes from %d to %d", c.name, k, c.taken, before, q.Len())
		}
	}
}

// TestByteBatchInTheWay: a claim ends at what is not free, and a take at what is lent.
func TestByteBatchInTheWay(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "q", 1024))(t)
	five := equal(5, 8)
	for range 3 {
		pos, n, err := q.Claim(five)
		proctest.Check(t, err)
		q.Fill(pos, five, n)
	}
	first := proctest.Must(q.TryNext())(t)
	lens := make([]int, 9)
	if _, n, err := q.TryPopSome(nil, lens[:2]); n != 2 || err != nil {
		t.Fatalf("took %d of 2: %v", n, err)
	}
	l := proctest.Must(q.TryNext())(t)
	if _, n, err := q.TryPopSome(make([]byte, 0, 100), lens); n != 8 || err != nil {
		t.Fatalf("took %d messages, of up to half the ring: %v", n, err)
	}
	proctest.Check(t, first.Release())
	if _, n, err := q.Claim(five); n != 1 || err != nil { // up to the end
		t.Fatalf("claimed %d messages at the last chunk: %v", n, err)
	}
	if _, n, err := q.Claim(five); n != 3 || err != nil { // up to what is lent
		t.Fatalf("claimed %d of 3: %v", n, err)
	}
	proctest.Check(t, l.Release())
}

// TestByteBatchLateWalk has a producer go on with its walk after a pause, in which others have
// gone round the ring. Wherever it was, and however far they have published a batch, it comes
// to the end of that, never inside.
func TestByteBatchLateWalk(t *testing.T) {
	s := newSegment(t)
	for laps := range 3 {
		for published := range 4 {
			q := proctest.Must(ring.NewBytesMPMC(s, fmt.Sprint(laps, published), 1024))(t)
			for range 16 * laps {
				proctest.Check(t, q.TryPush(nil))
				proctest.Must(q.TryPop(nil))(t)
			}
			four := equal(4, 8)
			pos, n, err := q.Claim(four)
			proctest.Check(t, err)
			q.Fill(pos, four, published)
			for from := range pos + 1 {
				if at, err := q.FindRoom(from, 8); at != pos+uint64(n) || err != nil {
					t.Errorf("%d behind the first of a batch at %d are published: a walk from %d finds room at %d, want %d: %v",
						published, pos, from, at, pos+uint64(n), err)
				}
			}
		}
	}
}

// TestByteBatchLengths pushes batches in which one length follows another, or itself, and
// pops them into what has room for all of it or not.
func TestByteBatchLengths(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "q", 1<<14))(t)
	rnd := proctest.Random(t)
	lengths := []int{0, 1, 7, 8, 8, 13, 16, 31, 57, 63, 64, 64, 65, 100, 200}
	seq := uint64(0)
	for range 1000 {
		var bs [][]byte
		for length, n := 8, 1+rnd.IntN(60); len(bs) < n; seq++ {
			if rnd.IntN(4) == 0 {
				length = lengths[rnd.IntN(len(lengths))]
			}
			bs = append(bs, numbered(seq, length))
		}
		proctest.Must(q.PushAll(background, bs))(t)
		for len(bs) > 0 {
			memory := make([]byte, 3000)
			room := rnd.IntN(2000)
			lens := make([]int, 1+rnd.IntN(60))
			b, n, err := q.TryPopSome(append(memory[:0:room], "ab"[:min(room, 2)]...), lens)
			proctest.Check(t, err)
			want := "ab"[:min(room, 2)]
			for i, length := range lens[:n] {
				if want += string(bs[i]); length != len(bs[i]) {
					t.Fatalf("message of %d bytes, want %d", length, len(bs[i]))
				}
			}
			if string(b) != want {
				t.Fatalf("popped %x, want %x", b, want)
			}
			if behind := memory[room:]; !bytes.Equal(behind, make([]byte, len(behind))) {
				t.Fatalf("popped to %x, behind %d bytes of room", behind, room)
			}
			bs = bs[n:]
		}
	}
}

func repeat(v, n int) (vs []int) {
	for range n {
		vs = append(vs, v)
	}
	return vs
}
