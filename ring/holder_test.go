package ring_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
)

// A holder has an end of the ring "held", does what it is told, and says so.
var _ = proctest.Register("holder", func(c *proctest.Child) {
	seg := shared.Open(c)
	q := newQueue(c, seg, c.Arg(0), "held", proctest.Must(strconv.Atoi(c.Arg(1)))(c))
	var p producer
	var co consumer
	if c.Arg(2) == "producer" {
		p = proctest.Must(q.Producer())(c)
	} else {
		co = proctest.Must(q.Consumer())(c)
	}
	for {
		c.Send("done")
		var what string
		var n uint64
		fmt.Sscan(c.Recv(), &what, &n)
		switch what {
		case "push":
			c.Check(p.Push(background, n))
		case "reserve":
			proctest.Must(p.TryReserve(n))(c)
		case "pop":
			if got := proctest.Must(co.TryPop())(c); got != n {
				c.Fatalf("popped %d, want %d", got, n)
			}
		case "next":
			if l := proctest.Must(co.TryNext())(c); l.N != n {
				c.Fatalf("message %d is lent, want %d", l.N, n)
			}
		case "detach":
			if p != nil {
				c.Check(p.Detach())
			} else {
				c.Check(co.Detach())
			}
		case "close":
			c.Check(seg.Close())
		case "return": // without giving anything up
			return
		default:
			c.Fatalf("told to %q", what)
		}
	}
})

func startHolder(t *testing.T, kind string, capacity int, end string) *proctest.Proc {
	p := proctest.Start(t, "holder", kind, fmt.Sprint(capacity), end)
	p.Expect("done")
	return p
}

// do has a holder do something.
func do(p *proctest.Proc, operands ...any) {
	p.Send(operands...)
	p.Expect("done")
}
