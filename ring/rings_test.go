package ring_test

import (
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

type (
	producer = ringtest.Producer
	consumer = ringtest.Consumer
)

// A queue is a ring of any kind, with what only tests of this package see of it.
type queue struct {
	ringtest.Ring
	inside
}

// inside is what export_test.go adds to every ring.
type inside interface {
	Body() []byte
	Words() (wide []func(uint64), narrow []*uint32)
	PopWaiting() bool
	PushWaiting() bool
	SetStart(pos uint64)
	SetEnds(producers, consumers ring.Abandoned)
}

func newQueue(t proctest.Fataler, s *shm.Segment, kind, name string, capacity int, opts ...ring.Option) queue {
	return openQueue(t, s, ringtest.Kinds[kind], name, capacity, opts...)
}

func openQueue(t proctest.Fataler, s *shm.Segment, kind ringtest.Kind, name string, capacity int, opts ...ring.Option) queue {
	r := proctest.Must(kind(s, name, capacity, opts...))(t)
	return queue{r, r.Handle().(inside)}
}

// ends makes a queue, and claims both of its ends.
func ends(t proctest.Fataler, s *shm.Segment, kind string, capacity int) (queue, producer, consumer) {
	q := newQueue(t, s, kind, "ends", capacity)
	return q, proctest.Must(q.Producer())(t), proctest.Must(q.Consumer())(t)
}
