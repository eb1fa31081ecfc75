package hostile

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
)

// roles are the ends of the rings, and what they have reserved or were lent.
type roles struct {
	producer     *ring.Producer[[3]uint32]
	consumer     *ring.Consumer[[3]uint32]
	byteProducer *ring.BytesProducer
	byteConsumer *ring.BytesConsumer

	reserved ring.Reserved[[2]uint64]
	lent     ring.Lent[[2]uint64]
	has      struct{ reserved, lent bool }

	reservedBytes ring.ReservedBytes
	lentBytes     ring.LentBytes
	hasBytes      struct{ reserved, lent bool }
}

// claim claims the ends of the ring of that kind, or of all and the pipe if kind is empty.
// An end that cannot be had stays nil.
func (h *handles) claim(kind string) {
	h.roles = roles{}
	if h.spsc != nil && (kind == "" || kind == "spsc") {
		h.producer, _ = h.spsc.Producer()
		h.consumer, _ = h.spsc.Consumer()
	}
	if h.bytes != nil && (kind == "" || kind == "bytes") {
		h.byteProducer, _ = h.bytes.Producer()
		h.byteConsumer, _ = h.bytes.Consumer()
	}
	if kind == "" || kind == "pipe" {
		h.pipe, _ = openPipe(h.seg)
	}
	if kind == "" || kind == "cast" {
		h.lossy.claim()
	}
	if kind == "" || kind == "gated" {
		h.lossless.claim()
	}
}

// by turns a method of an end that exists into an operation.
func by[E any](end func(h *handles) *E, do func(e *E, arg byte) error) func(h *handles, arg byte) error {
	return func(h *handles, arg byte) error {
		if e := end(h); e != nil {
			return do(e, arg)
		}
		return nil
	}
}

func producer(h *handles) *ring.Producer[[3]uint32] { return h.producer }
func consumer(h *handles) *ring.Consumer[[3]uint32] { return h.consumer }
func byteProducer(h *handles) *ring.BytesProducer   { return h.byteProducer }
func byteConsumer(h *handles) *ring.BytesConsumer   { return h.byteConsumer }

var spscOperations = []operation{
	{name: "TryPush", do: by(producer, func(p *ring.Producer[[3]uint32], arg byte) error { return p.TryPush([3]uint32{4}) })},
	{name: "Push", do: by(producer, func(p *ring.Producer[[3]uint32], arg byte) error {
		return brief(arg, func(ctx context.Context) error { return p.Push(ctx, [3]uint32{5}) })
	})},
	{name: "PushAll", do: by(producer, func(p *ring.Producer[[3]uint32], arg byte) error {
		return brief(arg, func(ctx context.Context) error {
			_, err := p.PushAll(ctx, make([][3]uint32, arg%20))
			return err
		})
	})},
	{name: "TryReserve", do: by(producer, func(p *ring.Producer[[3]uint32], arg byte) error {
		v, err := p.TryReserve()
		if err == nil {
			*v = [3]uint32{6}
		}
		return err
	})},
	{name: "Commit", do: by(producer, func(p *ring.Producer[[3]uint32], arg byte) error { return p.Commit() })},
	{name: "TryPop", do: by(consumer, func(c *ring.Consumer[[3]uint32], arg byte) error { _, err := c.TryPop(); return err })},
	{name: "Pop", do: by(consumer, func(c *ring.Consumer[[3]uint32], arg byte) error {
		return brief(arg, func(ctx context.Context) error { _, err := c.Pop(ctx); return err })
	})},
	{name: "PopInto", do: by(consumer, func(c *ring.Consumer[[3]uint32], arg byte) error {
		return brief(arg, func(ctx context.Context) error {
			_, err := c.PopInto(ctx, make([][3]uint32, arg%20))
			return err
		})
	})},
	{name: "TryNext", do: by(consumer, func(c *ring.Consumer[[3]uint32], arg byte) error {
		v, err := c.TryNext()
		if err == nil {
			v[2]++
		}
		return err
	})},
	{name: "Release", do: by(consumer, func(c *ring.Consumer[[3]uint32], arg byte) error { return c.Release() })},
	{name: "Len", do: func(h *handles, arg byte) error { h.spsc.Len(); h.spsc.Stats(); return nil }},
	{name: "Close", do: by(producer, func(p *ring.Producer[[3]uint32], arg byte) error { return p.Close() })},
	{name: "claim", do: func(h *handles, arg byte) (err error) {
		if arg%2 == 0 {
			h.producer, err = h.spsc.Producer()
		} else {
			h.consumer, err = h.spsc.Consumer()
		}
		return err
	}},
	{name: "Detach", do: by(consumer, func(c *ring.Consumer[[3]uint32], arg byte) error { return c.Detach() })},
}

var mpmcOperations = []operation{
	{name: "TryPush", do: func(h *handles, arg byte) error { return h.mpmc.TryPush([2]uint64{1, uint64(arg)}) }},
	{name: "Push", do: func(h *handles, arg byte) error {
		return brief(arg, func(ctx context.Context) error { return h.mpmc.Push(ctx, [2]uint64{2}) })
	}},
	{name: "PushAll", do: func(h *handles, arg byte) error {
		return brief(arg, func(ctx context.Context) error {
			_, err := h.mpmc.PushAll(ctx, make([][2]uint64, arg%40))
			return err
		})
	}},
	{name: "TryReserve", do: func(h *handles, arg byte) (err error) {
		h.reserved, err = h.mpmc.TryReserve()
		if h.has.reserved = err == nil; h.has.reserved {
			*h.reserved.Value() = [2]uint64{3}
		}
		return err
	}},
	{name: "Commit", do: func(h *handles, arg byte) error {
		switch {
		case !h.has.reserved:
			return nil
		case arg%4 == 0:
			return h.reserved.Cancel()
		}
		return h.reserved.Commit()
	}},
	{name: "TryPop", do: func(h *handles, arg byte) error { _, err := h.mpmc.TryPop(); return err }},
	{name: "TryPop until it looks for the dead", do: func(h *handles, arg byte) (err error) {
		for range 65 {
			_, err = h.mpmc.TryPop()
		}
		return err
	}},
	{name: "Pop", do: func(h *handles, arg byte) error {
		return brief(arg, func(ctx context.Context) error { _, err := h.mpmc.Pop(ctx); return err })
	}},
	{name: "PopInto", do: func(h *handles, arg byte) error {
		return brief(arg, func(ctx context.Context) error {
			_, err := h.mpmc.PopInto(ctx, make([][2]uint64, arg%40))
			return err
		})
	}},
	{name: "TryNext", do: func(h *handles, arg byte) (err error) {
		h.lent, err = h.mpmc.TryNext()
		if h.has.lent = err == nil; h.has.lent {
			h.lent.Value()[1]++
		}
		return err
	}},
	{name: "Next", do: func(h *handles, arg byte) error {
		return brief(arg, func(ctx context.Context) (err error) {
			h.lent, err = h.mpmc.Next(ctx)
			h.has.lent = err == nil
			return err
		})
	}},
	{name: "Release", do: func(h *handles, arg byte) error {
		if !h.has.lent {
			return nil
		}
		return h.lent.Release()
	}},
	{name: "Len", do: func(h *handles, arg byte) error { h.mpmc.Len(); h.mpmc.Stats(); return nil }},
	{name: "Close", do: func(h *handles, arg byte) error { return h.mpmc.Close() }},
}

var bytesOperations = []operation{
	{name: "TryPush", do: by(byteProducer, func(p *ring.BytesProducer, arg byte) error { return p.TryPush(make([]byte, arg)) })},
	{name: "Push", do: by(byteProducer, func(p *ring.BytesProducer, arg byte) error {
		return brief(arg, func(ctx context.Context) error { return p.Push(ctx, make([]byte, arg/2)) })
	})},
	{name: "PushAll", do: by(byteProducer, func(p *ring.BytesProducer, arg byte) error {
		return brief(arg, func(ctx context.Context) error {
			_, err := p.PushAll(ctx, [][]byte{make([]byte, arg/4), make([]byte, 30), nil})
			return err
		})
	})},
	{name: "TryReserve", do: by(byteProducer, func(p *ring.BytesProducer, arg byte) error {
		b, err := p.TryReserve(int(arg) / 2)
		for i := range b {
			b[i] = arg
		}
		return err
	})},
	{name: "Commit", do: by(byteProducer, func(p *ring.BytesProducer, arg byte) error { return p.Commit(int(arg) / 4) })},
	{name: "TryPop", do: by(byteConsumer, func(c *ring.BytesConsumer, arg byte) error { _, err := c.TryPop(nil); return err })},
	{name: "Pop", do: by(byteConsumer, func(c *ring.BytesConsumer, arg byte) error {
		return brief(arg, func(ctx context.Context) error { _, err := c.Pop(ctx, nil); return err })
	})},
	{name: "PopInto", do: by(byteConsumer, func(c *ring.BytesConsumer, arg byte) error {
		return brief(arg, func(ctx context.Context) error {
			_, _, err := c.PopInto(ctx, nil, make([]int, arg%40))
			return err
		})
	})},
	{name: "TryNext", do: by(byteConsumer, func(c *ring.BytesConsumer, arg byte) error {
		b, err := c.TryNext()
		for i := range b {
			b[i]++
		}
		return err
	})},
	{name: "Release", do: by(byteConsumer, func(c *ring.BytesConsumer, arg byte) error { return c.Release() })},
	{name: "Len", do: func(h *handles, arg byte) error { h.bytes.Len(); h.bytes.Stats(); return nil }},
	{name: "Close", do: by(byteProducer, func(p *ring.BytesProducer, arg byte) error { return p.Close() })},
	{name: "claim", do: func(h *handles, arg byte) (err error) {
		if arg%2 == 0 {
			h.byteProducer, err = h.bytes.Producer()
		} else {
			h.byteConsumer, err = h.bytes.Consumer()
		}
		return err
	}},
	{name: "Detach", do: by(byteConsumer, func(c *ring.BytesConsumer, arg byte) error { return c.Detach() })},
}
