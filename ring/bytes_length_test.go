package ring_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestBytesLengths sends messages of every length, from none to the longest, over
// every place in the ring.
func TestBytesLengths(t *testing.T) {
	s := newSegment(t)
	r := proctest.Must(ring.NewBytes(s, "lengths", 256))(t)
	p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
	for round := range 40 {
		for length := range r.MaxLen() + 1 {
			msg := bytes.Repeat([]byte{byte(length + round)}, length)
			proctest.Check(t, p.TryPush(msg))
			got := proctest.Must(c.TryPop([]byte("prefix")))(t)
			if want := "prefix" + string(msg); string(got) != want {
				t.Fatalf("length %d: got %q", length, got)
			}
			if r.Len() != 0 {
				t.Fatalf("length %d: Len of an empty ring is %d", length, r.Len())
			}
		}
		proctest.Check(t, p.TryPush(nil)) // shifts the next round by 8
		proctest.Must(c.TryPop(nil))(t)
	}
}

func TestBytesTooLarge(t *testing.T) {
	s := newSegment(t)
	r := proctest.Must(ring.NewBytes(s, "large", 100))(t)
	p := proctest.Must(r.Producer())(t)
	large := make([]byte, r.MaxLen()+1)
	_, errTry := p.TryReserve(len(large))
	_, errReserve := p.Reserve(background, len(large))
	_, errNegative := p.TryReserve(-1)
	for what, err := range map[string]error{
		"TryPush": p.TryPush(large), "Push": p.Push(background, large),
		"TryReserve": errTry, "Reserve": errReserve, "TryReserve of -1": errNegative,
	} {
		checkIs(t, what, err, ring.ErrTooLarge)
		if !strings.Contains(err.Error(), `"large"`) {
			t.Errorf("%s: %q does not name the ring", what, err)
		}
	}
	if n, err := p.PushAll(background, [][]byte{{1}, {2}, large, {3}}); n != 2 {
		t.Errorf("PushAll with a message too large: %d, %v", n, err)
	} else {
		checkIs(t, "PushAll", err, ring.ErrTooLarge)
	}
	b := proctest.Must(p.TryReserve(5))(t)
	checkIs(t, "Commit of more than reserved", p.Commit(len(b)+1), ring.ErrTooLarge)
	checkIs(t, "Commit of -1", p.Commit(-1), ring.ErrTooLarge)
	copy(b, "hello")
	proctest.Check(t, p.Commit(4))
	c := proctest.Must(r.Consumer())(t)
	for _, want := range []string{"\x01", "\x02", "hell"} {
		if got := proctest.Must(c.TryPop(nil))(t); string(got) != want {
			t.Errorf("popped %q, want %q", got, want)
		}
	}
}

// TestBytesAppend checks that what is lent or reserved cannot be grown into its
// neighbours.
func TestBytesAppend(t *testing.T) {
	s := newSegment(t)
	r := proctest.Must(ring.NewBytes(s, "append", 256))(t)
	p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
	b := proctest.Must(p.TryReserve(3))(t)
	copy(b, "abc")
	_ = append(b, "overflow"...)
	proctest.Check(t, p.Commit(3))
	proctest.Check(t, p.TryPush([]byte("def")))
	m := proctest.Must(c.TryNext())(t)
	_ = append(m, "overflow"...)
	proctest.Check(t, c.Release())
	if got := proctest.Must(c.TryPop(nil))(t); string(got) != "def" {
		t.Errorf("popped %q", got)
	}
}
