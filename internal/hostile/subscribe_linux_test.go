package hostile

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A cast is a Broadcast and its ends.
type cast struct {
	ring       *ring.Broadcast[[2]uint64]
	producer   *ring.Producer[[2]uint64]
	subscriber *ring.Subscriber[[2]uint64]
}

// casts are those of both sorts.
type casts struct{ lossy, lossless cast }

func (h *casts) open(s *shm.Segment, kind string) (ok bool, err error) {
	switch kind {
	case "cast":
		h.lossy.ring, err = ring.NewBroadcast[[2]uint64](s, kind, 16)
	case "gated":
		h.lossless.ring, err = ring.NewBroadcast[[2]uint64](s, kind, 16, ring.Lossless)
	default:
		return false, nil
	}
	return true, err
}

// claim claims the ends. An end that cannot be had stays nil.
func (c *cast) claim() {
	c.producer, c.subscriber = nil, nil
	if c.ring != nil {
		c.producer, _ = c.ring.Producer()
		c.subscriber, _ = c.ring.Subscribe(ring.FromOldest)
	}
}

func init() {
	operations["cast"] = castOperations(func(h *handles) *cast { return &h.lossy })
	operations["gated"] = castOperations(func(h *handles) *cast { return &h.lossless })
}

// castOperations are those of a Broadcast.
func castOperations(of func(h *handles) *cast) []operation {
	producer := func(h *handles) *ring.Producer[[2]uint64] { return of(h).producer }
	subscriber := func(h *handles) *ring.Subscriber[[2]uint64] { return of(h).subscriber }
	return []operation{
		{name: "TryPush", do: by(producer, func(p *ring.Producer[[2]uint64], arg byte) error { return p.TryPush([2]uint64{4}) })},
		{name: "TryPush until it looks for the dead", do: by(producer, func(p *ring.Producer[[2]uint64], arg byte) (err error) {
			for range 100 {
				err = p.TryPush([2]uint64{4})
			}
			return err
		})},
		{name: "Push", do: by(producer, func(p *ring.Producer[[2]uint64], arg byte) error {
			return brief(arg, func(ctx context.Context) error { return p.Push(ctx, [2]uint64{5}) })
		})},
		{name: "PushAll", do: by(producer, func(p *ring.Producer[[2]uint64], arg byte) error {
			return brief(arg, func(ctx context.Context) error {
				_, err := p.PushAll(ctx, make([][2]uint64, arg%40))
				return err
			})
		})},
		{name: "TryPop", do: by(subscriber, func(s *ring.Subscriber[[2]uint64], arg byte) error { _, err := s.TryPop(); return err })},
		{name: "Pop", do: by(subscriber, func(s *ring.Subscriber[[2]uint64], arg byte) error {
			return brief(arg, func(ctx context.Context) error { _, err := s.Pop(ctx); return err })
		})},
		{name: "PopInto", do: by(subscriber, func(s *ring.Subscriber[[2]uint64], arg byte) error {
			return brief(arg, func(ctx context.Context) error {
				_, err := s.PopInto(ctx, make([][2]uint64, arg%40))
				return err
			})
		})},
		{name: "Len", do: by(subscriber, func(s *ring.Subscriber[[2]uint64], arg byte) error { s.Len(); return nil })},
		{name: "Subscribe", do: func(h *handles, arg byte) (err error) {
			of(h).subscriber, err = of(h).ring.Subscribe(ring.Start(arg % 2))
			return err
		}},
		{name: "Subscribers, Evict", do: func(h *handles, arg byte) error {
			subs, err := of(h).ring.Subscribers()
			for id := range subs {
				err = of(h).ring.Evict(id)
			}
			return err
		}},
		{name: "Detach", do: by(subscriber, func(s *ring.Subscriber[[2]uint64], arg byte) error { return s.Detach() })},
		{name: "Close", do: by(producer, func(p *ring.Producer[[2]uint64], arg byte) error { return p.Close() })},
		{name: "claim", do: func(h *handles, arg byte) (err error) {
			of(h).producer, err = of(h).ring.Producer()
			of(h).ring.Len()
			of(h).ring.Stats()
			return err
		}},
	}
}
