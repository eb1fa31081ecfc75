package ring_test

import (
	"context"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// impatient is a context that ends when PushAll would wait.
type impatient struct {
	context.Context
	asked bool
}

func (c *impatient) Err() error {
	if c.asked {
		return context.Canceled
	}
	c.asked = true
	return nil
}

// TestBytesRecordsStayLong keeps a ring full, whose messages are popped a few at a time: so
// many of a batch share a header in the end, too.
func TestBytesRecordsStayLong(t *testing.T) {
	s := newSegment(t)
	r := proctest.Must(ring.NewBytes(s, "long", 1<<16))(t)
	p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
	batch := equal(64, 100)
	rest := batch
	lens, dst := make([]int, 8), make([]byte, 0, 1<<10)
	for popped := 0; popped < 200_000; {
		for {
			n, err := p.PushAll(&impatient{Context: background}, rest)
			if err != nil {
				checkIs(t, "PushAll into a full ring", err, context.Canceled)
				rest = rest[n:]
				break
			}
			rest = batch
		}
		_, k, err := c.PopInto(background, dst, lens)
		proctest.Check(t, err)
		popped += k
	}
	if records, messages := r.Count(); messages < 500 || records > messages/5 {
		t.Errorf("%d messages are in %d records", messages, records)
	}
}
