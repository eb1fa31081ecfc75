package ring_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
)

const batchBytes = 4096 // in the ring of these tests; an eighth of it in a record

// numbered returns message n, of that length.
func numbered(n uint64, length int) []byte {
	b := make([]byte, length)
	ringtest.Fill(b, n)
	return b
}

// equal returns k messages of one length.
func equal(k, length int) (bs [][]byte) {
	for n := range k {
		bs = append(bs, numbered(uint64(n), length))
	}
	return bs
}

// A batchTest has both ends of a Bytes, and what must be in it.
type batchTest struct {
	t    *testing.T
	rnd  *rand.Rand
	r    *ring.Bytes
	p    *ring.BytesProducer
	c    *ring.BytesConsumer
	want [][]byte
	n    uint64
}

// push pushes a batch of messages, of few lengths, if there is surely room for it.
func (b *batchTest) push() {
	lengths := []int{0, 1, 7, 8, 8, 9, 16, 24, 32, 33, 40, 100, 300}
	var bs [][]byte
	room := b.r.Cap() - b.r.Len() - 400 // maybe padding
	for length, left := 0, b.rnd.IntN(60); left > 0; left-- {
		if b.rnd.IntN(8) == 0 || len(bs) == 0 {
			length = lengths[b.rnd.IntN(len(lengths))]
		}
		for range 1 + b.rnd.IntN(2)*b.rnd.IntN(2)*b.rnd.IntN(700) {
			if room -= 8 + length + 7; room < 0 {
				break
			}
			bs = append(bs, numbered(b.n, length))
			b.n++
		}
	}
	if k, err := b.p.PushAll(background, bs); k != len(bs) || err != nil {
		b.t.Fatalf("PushAll of %d: %d, %v", len(bs), k, err)
	}
	b.want = append(b.want, bs...)
}

// fillUp pushes messages one by one until the ring is full.
func (b *batchTest) fillUp() {
	for {
		m := numbered(b.n, b.rnd.IntN(64))
		err := b.p.TryPush(m)
		if err == ring.ErrFull {
			return
		}
		proctest.Check(b.t, err)
		b.n++
		b.want = append(b.want, m)
	}
}

// is checks that m is the i-th message of those that are wanted.
func (b *batchTest) is(what string, m []byte, i int) {
	b.t.Helper()
	if !bytes.Equal(m, b.want[i]) {
		b.t.Fatalf("%s: got %x, want %x", what, m, b.want[i])
	}
}

// popInto pops a batch into memory that may have too little room.
func (b *batchTest) popInto() {
	lens := make([]int, 1+b.rnd.IntN(1+len(b.want)))
	dst := make([]byte, 0, b.rnd.IntN(200))
	if b.rnd.IntN(2) == 0 {
		dst = make([]byte, 0, batchBytes)
	}
	got, k, err := b.c.PopInto(background, dst, lens)
	if err != nil || k != min(len(lens), len(b.want)) {
		b.t.Fatalf("PopInto of %d, there are %d: %d, %v", len(lens), len(b.want), k, err)
	}
	for i, length := range lens[:k] {
		b.is("PopInto", got[:length], i)
		got = got[length:]
	}
	if len(got) != 0 {
		b.t.Fatalf("PopInto: %d bytes of no message", len(got))
	}
	b.want = b.want[k:]
}

// lend has some messages lent, and releases, or pops, some of them.
func (b *batchTest) lend() {
	k := b.rnd.IntN(min(len(b.want), 50))
	for i := range k {
		b.is("TryNext", proctest.Must(b.c.TryNext())(b.t), i)
	}
	released := b.rnd.IntN(k + 1)
	for range released {
		if b.rnd.IntN(4) > 0 {
			proctest.Check(b.t, b.c.Release())
		} else {
			b.is("TryPop of what is lent", proctest.Must(b.c.TryPop(nil))(b.t), 0)
		}
		b.want = b.want[1:]
	}
	if released == k {
		checkIs(b.t, "Release of nothing", b.c.Release(), ring.ErrNotReserved)
		return
	}
	proctest.Check(b.t, b.c.Detach()) // the others are there again
	b.c = proctest.Must(b.r.Consumer())(b.t)
}

// TestBytesBatches sends batches of equal and other messages, and pops them in all ways,
// with new ends now and then. Its positions come by the end of those that a place can show.
func TestBytesBatches(t *testing.T) {
	s := newSegment(t)
	b := &batchTest{t: t, rnd: newRand(newSeed(t), 0), r: proctest.Must(ring.NewBytes(s, "batches", batchBytes))(t)}
	b.r.SetStart(1<<58 - 4*batchBytes)
	b.p, b.c = proctest.Must(b.r.Producer())(t), proctest.Must(b.r.Consumer())(t)
	for range scaled(20000) {
		switch step := b.rnd.IntN(8); {
		case step < 2 || len(b.want) == 0:
			b.push()
		case step < 3:
			b.fillUp()
		case step < 5:
			b.popInto()
		case step < 6:
			b.is("TryPop", proctest.Must(b.c.TryPop(nil))(t), 0)
			b.want = b.want[1:]
		case step < 7:
			b.lend()
		default:
			proctest.Check(t, b.p.Detach())
			proctest.Check(t, b.c.Detach())
			b.p, b.c = proctest.Must(b.r.Producer())(t), proctest.Must(b.r.Consumer())(t)
		}
		if n := b.r.Len(); n > b.r.Cap() || n == 0 != (len(b.want) == 0) {
			t.Fatalf("Len is %d of %d, with %d messages", n, b.r.Cap(), len(b.want))
		}
	}
}

// TestBytesBatchRoom: messages of one length take their own room and a header for as many
// as fit in an eighth of the ring. It is free when the last of these is popped, and then a
// producer that waits for it is woken.
func TestBytesBatchRoom(t *testing.T) {
	s := newSegment(t)
	r := proctest.Must(ring.NewBytes(s, "room", 1024))(t)
	p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
	const perRecord, records = 1024 / 8 / 16, 3
	batch := equal(perRecord*records, 16)
	proctest.Must(p.PushAll(background, batch))(t)
	if want := records * (8 + 1024/8); r.Len() != want {
		t.Errorf("Len of a batch is %d, want %d", r.Len(), want)
	}
	for p.TryPush(nil) == nil {
	}
	full := r.Len()
	pushed := proctest.Go(func() error { return p.Push(background, make([]byte, 100)) })
	for i, m := range batch[:perRecord] {
		proctest.Until(t, "the producer sleeps", r.PushWaiting)
		if r.Len() != full {
			t.Fatalf("after %d messages of a record Len is %d, before it was %d", i, r.Len(), full)
		}
		if got := proctest.Must(c.TryPop(nil))(t); !bytes.Equal(got, m) {
			t.Fatalf("popped %x, want %x", got, m)
		}
	}
	proctest.Check(t, proctest.Result(t, pushed))
}

// TestBytesBatchCount has more messages in a batch than a record can count.
func TestBytesBatchCount(t *testing.T) {
	s := newSegment(t)
	r := proctest.Must(ring.NewBytes(s, "count", 64))(t)
	p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
	for _, k := range []int{1, 2, 511, 512, 513, 1025} {
		if n, err := p.PushAll(background, equal(k, 0)); n != k || err != nil {
			t.Fatalf("PushAll of %d empty messages: %d, %v", k, n, err)
		}
		if want := (k + 511) / 512 * 8; r.Len() != want {
			t.Errorf("%d empty messages take %d bytes, want %d", k, r.Len(), want)
		}
		lens := make([]int, k+1)
		if b, n, err := c.PopInto(background, nil, lens); n != k || len(b) != 0 || err != nil {
			t.Fatalf("PopInto of %d empty messages: %d bytes, %d, %v", k, len(b), n, err)
		}
	}
}

// The taker takes so many messages of a batch, and waits for its end.
var _ = proctest.Register("taker of a batch", func(c *proctest.Child) {
	r := proctest.Must(ring.NewBytes(shared.Open(c), "taken", batchBytes))(c)
	con := proctest.Must(r.Consumer())(c)
	k := proctest.Must(strconv.Atoi(c.Arg(0)))(c)
	_, n, err := con.PopInto(background, nil, make([]int, k))
	c.Check(err)
	proctest.Must(con.TryNext())(c)
	c.Send("took", n)
	c.Recv()
})

// TestBytesConsumerKilledInBatch: the successor begins with the message that comes after
// those taken, wherever in a record that is.
func TestBytesConsumerKilledInBatch(t *testing.T) {
	proctest.Mortal(t)
	s := newSegment(t)
	r := proctest.Must(ring.NewBytes(s, "taken", batchBytes))(t)
	p := proctest.Must(r.Producer())(t)
	batch := equal(100, 8) // 64 to a record
	for _, k := range []int{1, 2, 63, 64, 65, 99} {
		proctest.Must(p.PushAll(background, batch))(t)
		taker := proctest.Start(t, "taker of a batch", fmt.Sprint(k))
		taker.Expect("took", k)
		taker.Kill()
		proctest.Check(t, p.Detach())
		p = proctest.Must(r.Producer())(t) // finds the tail from there
		c := proctest.Must(r.Consumer())(t)
		for _, want := range batch[k:] {
			if got := proctest.Must(c.TryPop(nil))(t); !bytes.Equal(got, want) {
				t.Fatalf("after %d messages popped %x, want %x", k, got, want)
			}
		}
		if _, err := c.TryPop(nil); err != ring.ErrEmpty {
			t.Fatalf("after the last message: %v", err)
		}
		proctest.Check(t, c.Detach())
	}
}

// TestBytesCorruptBatch has records that are not whole, and places that are in none.
func TestBytesCorruptBatch(t *testing.T) {
	s := newSegment(t)
	for i, test := range []struct {
		what          string
		start, header uint64
		index         uint64
	}{
		{"a record that goes past the end", 256 - 24, 1<<63 | 2<<32 | 8, 0},
		{"a place behind the last message", 0, 1<<63 | 2<<32 | 8, 3},
		{"a place in a record of one", 0, 1<<63 | 8, 1},
		{"a place in padding", 256 - 24, 1<<63 | 1<<62 | 24, 1},
		{"padding that counts", 256 - 24, 1<<63 | 1<<62 | 1<<32 | 24, 0},
		{"a count out of bounds", 0, 1<<63 | 1<<41, 0},
	} {
		b := proctest.Must(ring.NewBytes(s, fmt.Sprint("batch", i), 256))(t)
		b.SetStart(test.start)
		*b.Header(test.start) = test.header
		wide, _ := b.Words()
		wide[0](b.Place(test.start, test.index))
		c := proctest.Must(b.Consumer())(t)
		_, err := c.TryPop(nil)
		checkIs(t, "pop at "+test.what, err, ring.ErrCorrupt)
		_, err = b.Producer()
		checkIs(t, "producer at "+test.what, err, ring.ErrCorrupt)
	}
}
