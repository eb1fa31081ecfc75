//go:build amd64 && !isthmus_nofutex

package c_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// streamer is the producer in Go that the one in C is compared with.
var _ = proctest.Register("streamer", func(c *proctest.Child) {
	seg := proctest.Must(shm.Open("s", nil))(c)
	q := proctest.Must(ring.NewSPSC[uint64](seg, "q", 1024))(c)
	in := proctest.Must(q.Producer())(c)
	c.Send("")
	var from, n uint64
	proctest.Must(fmt.Sscanf(c.Recv(), "send q %d %d", &from, &n))(c)
	for i := from; i < from+n; i++ {
		c.Check(in.Push(ctx, i))
	}
	c.Send("")
	c.Recv()
})

// BenchmarkSPSC has a producer in C, or in Go, and a consumer in Go: messages of 8 bytes, one
// by one.
func BenchmarkSPSC(b *testing.B) {
	binary := compile(b, "gcc", "testdata/peer.c", "-std=c11", "-O2")
	for _, from := range []string{"C", "Go"} {
		b.Run(from, func(b *testing.B) {
			proctest.Dir(b)
			seg := proctest.Must(shm.Create("s", 1<<20, nil))(b)
			defer shm.Remove("s", nil)
			defer seg.Close()
			q := proctest.Must(ring.NewSPSC[uint64](seg, "q", 1024))(b)
			out := proctest.Must(q.Consumer())(b)
			options, helper := &proctest.Options{CPUs: []int{1}}, "streamer"
			if from == "C" {
				options.Binary, helper = binary, "peer"
			}
			p := proctest.StartWith(b, options, helper)
			if from == "C" {
				for _, line := range []string{"open s", "spsc q uint64 1024", "produce q"} {
					p.Send(line)
					p.Expect()
				}
			} else {
				p.Expect()
			}
			b.ResetTimer()
			p.Send("send", "q", 0, b.N)
			for i := range uint64(b.N) {
				if x, err := out.Pop(ctx); x != i || err != nil {
					b.Fatalf("popped %d, %v, want %d", x, err, i)
				}
			}
			b.StopTimer()
			p.Expect()
			p.Send("exit")
			p.Wait()
		})
	}
}
