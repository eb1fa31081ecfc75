//go:build !plan9

package nats_test

import (
	"context"
	"encoding/json"
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

// BenchmarkForward publishes with nats.go alone, with and without message ids, in a fast batch of
// JetStream with ids, and through a ring and Forward: the same server, stream and window. A ratio of two of
// its rows is of one run.
func BenchmarkForward(b *testing.B) {
	const window = 512
	for _, size := range []int{64, 1 << 10, 64 << 10} {
		for _, way := range []string{"alone", "ids", "batch", "bridge"} {
			b.Run(fmt.Sprintf("%s/%d", way, size), func(b *testing.B) {
				s := newStage(b, 1<<20, jetstream.StreamConfig{MaxBytes: 64 << 20, AllowBatchPublish: true})
				b.SetBytes(int64(size))
				payload := make([]byte, size)
				switch way {
				case "batch":
					inBatch(b, s, payload, window)
					return
				case "bridge":
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

// inBatch publishes b.N messages in a fast batch. The server acknowledges each quarter of the window.
func inBatch(b *testing.B, s *stage, payload []byte, window int) {
	inbox := s.nc.NewInbox()
	sub := proctest.Must(s.nc.SubscribeSync(inbox + ".>"))(b)
	acked := 0
	b.ResetTimer()
	for i := 1; i <= b.N; i++ {
		op := 1 // goes on
		if i == b.N {
			op = 2 // is the last
		} else if i == 1 {
			op = 0
		}
		proctest.Check(b, s.nc.PublishMsg(&nats.Msg{Subject: "s.a", Data: payload,
			Header: nats.Header{jetstream.MsgIDHeader: {strconv.Itoa(i)}},
			Reply:  fmt.Sprintf("%s.%d.fail.%d.%d.$FI", inbox, window/4, i, op)}))
		for i-acked >= window || i == b.N && acked < i {
			m := proctest.Must(sub.NextMsg(proctest.Timeout()))(b)
			var ack struct {
				Seq, Count int
				Error      json.RawMessage
			}
			if proctest.Check(b, json.Unmarshal(m.Data, &ack)); ack.Error != nil {
				b.Fatalf("%s", m.Data)
			}
			if acked = ack.Seq; ack.Count > 0 { // the PubAck at the end counts all
				acked = ack.Count
			}
		}
	}
	b.StopTimer()
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
