package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// A late consumer shares a ring that is about to wrap.
var _ = proctest.Register("late consumer", func(c *proctest.Child) {
	s := shared.Open(c)
	q := proctest.Must(ring.NewMPMC[uint64](s, "late", 4))(c)
	var count, sum, next uint64
	for n, err := range q.All(background) {
		c.Check(err)
		if n < next {
			c.Fatalf("message %d comes after %d", n, next-1)
		}
		next = n + 1
		count++
		sum += n
	}
	c.Send(count, sum)
	c.Check(s.Close())
})

// TestLateStream crosses wraps between processes.
func TestLateStream(t *testing.T) {
	const length = 500
	for _, lap := range []uint64{1<<18 - 50, 1<<19 - 50, 1<<60 - 50} {
		t.Run(fmt.Sprintf("lap %#x", lap), func(t *testing.T) {
			q := proctest.Must(ring.NewMPMC[uint64](newSegment(t), "late", 4))(t)
			q.SetStart(lap * uint64(q.Cap()))
			consumers := []*proctest.Proc{proctest.Start(t, "late consumer"), proctest.Start(t, "late consumer")}
			for n := range uint64(length) {
				proctest.Check(t, q.Push(background, n))
			}
			proctest.Check(t, q.Close())
			var count, sum uint64
			for _, p := range consumers {
				var k, s uint64
				fmt.Sscan(p.Recv(), &k, &s)
				count, sum = count+k, sum+s
				p.Wait()
			}
			if count != length || sum != length*(length-1)/2 {
				t.Errorf("%d messages of sum %d, want %d of %d", count, sum, length, length*(length-1)/2)
			}
		})
	}
}
