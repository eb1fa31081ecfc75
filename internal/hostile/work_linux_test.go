package hostile

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// works are the work queues, and what was delivered.
type works struct {
	letters, work *ring.WorkQueue[[2]uint64]
	tasks         map[*ring.WorkQueue[[2]uint64]]ring.Task[[2]uint64]
}

func (h *works) open(s *shm.Segment, kind string) (err error) {
	if h.letters, err = ring.NewWorkQueue[[2]uint64](s, "letters", 16); err == nil && kind == "work" {
		h.work, err = ring.NewWorkQueue[[2]uint64](s, kind, 16, ring.MaxDeliveries(2, h.letters))
	}
	return err
}

func init() {
	operations["letters"] = workOperations(func(h *handles) *ring.WorkQueue[[2]uint64] { return h.letters })
	operations["work"] = workOperations(func(h *handles) *ring.WorkQueue[[2]uint64] { return h.work })
}

func workOperations(of func(h *handles) *ring.WorkQueue[[2]uint64]) []operation {
	got := func(h *handles, t ring.Task[[2]uint64], err error) error {
		if err == nil {
			if h.tasks == nil {
				h.tasks = map[*ring.WorkQueue[[2]uint64]]ring.Task[[2]uint64]{}
			}
			h.tasks[of(h)] = t
		}
		return err
	}
	end := func(h *handles, end func(ring.Task[[2]uint64]) error) error {
		t, ok := h.tasks[of(h)]
		if !ok {
			return nil
		}
		delete(h.tasks, of(h))
		return end(t)
	}
	return []operation{
		{name: "TryPut", do: func(h *handles, arg byte) error { return of(h).TryPut([2]uint64{1, uint64(arg)}) }},
		{name: "Put", do: func(h *handles, arg byte) error {
			return brief(arg, func(ctx context.Context) error { return of(h).Put(ctx, [2]uint64{2}) })
		}},
		{name: "TryGet", do: func(h *handles, arg byte) error {
			t, err := of(h).TryGet()
			if err == nil {
				t.Value()[1]++
			}
			return got(h, t, err)
		}},
		{name: "TryGet until it looks for the dead", do: func(h *handles, arg byte) error {
			var t ring.Task[[2]uint64]
			var err error
			for range 65 {
				t, err = of(h).TryGet()
			}
			return got(h, t, err)
		}},
		{name: "Get", do: func(h *handles, arg byte) error {
			return brief(arg, func(ctx context.Context) error {
				t, err := of(h).Get(ctx)
				return got(h, t, err)
			})
		}},
		{name: "Ack", do: func(h *handles, arg byte) error { return end(h, ring.Task[[2]uint64].Ack) }},
		{name: "Nack", do: func(h *handles, arg byte) error { return end(h, ring.Task[[2]uint64].Nack) }},
		{name: "Join", do: func(h *handles, arg byte) error {
			return brief(arg, func(ctx context.Context) error { return of(h).Join(ctx) })
		}},
		{name: "Len", do: func(h *handles, arg byte) error { of(h).Len(); of(h).InFlight(); of(h).Stats(); return nil }},
		{name: "Close", do: func(h *handles, arg byte) error { return of(h).Close() }},
	}
}
