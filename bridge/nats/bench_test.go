//go:build !plan9

package nats_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	bridge "github.com/isthmus-go/isthmus/bridge/nats"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// BenchmarkForward publishes with nats.go alone, with and without message ids, and through a ring and
// Forward: the same server, stream and window. A ratio of two of its rows is of one run.
func BenchmarkForward(b *testing.B) {
	const window = 512
	for _, size := range []int{64, 1 << 10, 64 << 10} {
		for _, way := range []string{"alone", "ids", "bridge"} {
			b.Run(fmt.Sprintf("%s/%d", way, size), func(b *testing.B) {
				s := newStage(b, 1<<20, jetstream.StreamConfig{MaxBytes: 64 << 20})
				b.SetBytes(int64(size))
				payload := make([]byte, size)
				if way == "bridge" {
					throughBridge(b, s, payload, window)
					return
				}
				js := proctest.Must(jetstream.New(s.nc, jetstream.WithPublishAsyncMaxPending(window)))(b)
				b.ResetTimer()
				for i := range b.N {
					m := &nats.Msg{Subject: "s.a", Data: payload}
					if way == "ids" {
						m.Header = nats.Header{jetstream.MsgIDHeader: {strconv.Itoa(i)}}
					}
					proctest.Must(js.PublishMsgAsync(m, jetstream.WithStallWait(proctest.Timeout())))(b)
				}
				<-js.PublishAsyncComplete()
				b.StopTimer()
				js.CleanupPublisher()
			})
		}
	}
}

// throughBridge pushes b.N messages to a ring, and waits until Forward has passed them.
func throughBridge(b *testing.B, s *stage, payload []byte, window int) {
	ctx := context.Background()
	size := 2 * window * (len(payload) + 64)
	seg := proctest.Must(shm.Anonymous(int64(2*size+1<<20), nil))(b)
	defer seg.Close()
	r := proctest.Must(ring.NewBytes(seg, "a", size))(b)
	p, c := proctest.Must(r.Producer())(b), proctest.Must(r.Consumer())(b)
	b.ResetTimer()
	done := proctest.Go(func() error {
		return bridge.Forward(ctx, bridge.FromBytes(seg, "a", c), s.js, "s.a", &bridge.Options{Window: window})
	})
	for range b.N {
		proctest.Check(b, p.Push(ctx, payload))
	}
	proctest.Check(b, p.Close())
	proctest.Check(b, proctest.Result(b, done))
}
