package ring_test

import (
	"context"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// undisturbed returns the operations of all rings in pairs that leave them as
// they were, and need not wait.
func undisturbed[T any](t proctest.Fataler, s *shm.Segment) map[string]func() error {
	ctx, cancel := context.WithCancel(background) // as a server's would be
	_ = cancel
	r := proctest.Must(ring.NewSPSC[T](s, "spsc", 64))(t)
	p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
	q := proctest.Must(ring.NewMPMC[T](s, "mpmc", 64))(t)
	b := proctest.Must(ring.NewBytes(s, "bytes", 4096))(t)
	bp, bc := proctest.Must(b.Producer())(t), proctest.Must(b.Consumer())(t)
	w := proctest.Must(ring.NewBytesMPMC(s, "wide", 4096))(t)
	work := proctest.Must(ring.NewWorkQueue[T](s, "work", 64))(t)
	busy := proctest.Must(ring.NewWorkQueue[T](s, "busy", 4))(t) // one of whose messages is held

	lossy := proctest.Must(ring.NewBroadcast[T](s, "lossy", 64))(t)
	lp, ls := proctest.Must(lossy.Producer())(t), proctest.Must(lossy.Subscribe(ring.FromNow))(t)
	lossless := proctest.Must(ring.NewBroadcast[T](s, "lossless", 64, ring.Lossless))(t)
	gp, gs := proctest.Must(lossless.Producer())(t), proctest.Must(lossless.Subscribe(ring.FromNow))(t)

	var v T
	proctest.Check(t, busy.TryPut(v))
	proctest.Must(busy.TryGet())(t)
	vs, dst := make([]T, 8), make([]T, 8)
	msg, msgs := make([]byte, 100), [][]byte{make([]byte, 10), nil, make([]byte, 100)}
	buf, lens := make([]byte, 0, 512), make([]int, len(msgs))
	return map[string]func() error{
		"SPSC try": both(func() error { return p.TryPush(v) }, func() error { _, err := c.TryPop(); return err }),
		"SPSC":     both(func() error { return p.Push(ctx, v) }, func() error { _, err := c.Pop(ctx); return err }),
		"SPSC batch": both(
			func() error { _, err := p.PushAll(ctx, vs); return err },
			func() error { _, err := c.PopInto(ctx, dst); return err }),
		"SPSC in place": func() error {
			m, err := p.Reserve(ctx)
			if err != nil {
				return err
			}
			*m = v
			if err := p.Commit(); err != nil {
				return err
			}
			if m, err = c.Next(ctx); err != nil {
				return err
			}
			v = *m
			return c.Release()
		},
		"Broadcast try":      both(func() error { return lp.TryPush(v) }, func() error { _, err := ls.TryPop(); return err }),
		"Broadcast lossless": both(func() error { return gp.Push(ctx, v) }, func() error { _, err := gs.Pop(ctx); return err }),
		"Broadcast batch": both(
			func() error { _, err := gp.PushAll(ctx, vs); return err },
			func() error { _, err := gs.PopInto(ctx, dst); return err }),
		"MPMC try": both(func() error { return q.TryPush(v) }, func() error { _, err := q.TryPop(); return err }),
		"MPMC":     both(func() error { return q.Push(ctx, v) }, func() error { _, err := q.Pop(ctx); return err }),
		"MPMC batch": both(
			func() error { _, err := q.PushAll(ctx, vs); return err },
			func() error { _, err := q.PopInto(ctx, dst); return err }),
		"MPMC in place": func() error {
			m, err := q.Reserve(ctx)
			if err != nil {
				return err
			}
			*m.Value() = v
			if err := m.Commit(); err != nil {
				return err
			}
			l, err := q.Next(ctx)
			if err != nil {
				return err
			}
			v = *l.Value()
			return l.Release()
		},
		"Bytes try": both(func() error { return bp.TryPush(msg) }, func() error { _, err := bc.TryPop(buf); return err }),
		"Bytes":     both(func() error { return bp.Push(ctx, msg) }, func() error { _, err := bc.Pop(ctx, buf); return err }),
		"Bytes batch": both(
			func() error { _, err := bp.PushAll(ctx, msgs); return err },
			func() error { _, _, err := bc.PopInto(ctx, buf, lens); return err }),
		"Bytes in place": func() error {
			m, err := bp.Reserve(ctx, 99)
			if err != nil {
				return err
			}
			copy(m, msg)
			if err := bp.Commit(98); err != nil {
				return err
			}
			if _, err := bc.Next(ctx); err != nil {
				return err
			}
			return bc.Release()
		},
		"BytesMPMC try": both(func() error { return w.TryPush(msg) }, func() error { _, err := w.TryPop(buf); return err }),
		"BytesMPMC":     both(func() error { return w.Push(ctx, msg) }, func() error { _, err := w.Pop(ctx, buf); return err }),
		"BytesMPMC batch": both(
			func() error { _, err := w.PushAll(ctx, msgs); return err },
			func() error { _, _, err := w.PopInto(ctx, buf, lens); return err }),
		"BytesMPMC in place": func() error {
			m, err := w.Reserve(ctx, 99)
			if err != nil {
				return err
			}
			copy(m.Bytes(), msg)
			if err := m.Commit(98); err != nil {
				return err
			}
			l, err := w.Next(ctx)
			if err != nil {
				return err
			}
			return l.Release()
		},
		"WorkQueue, passing over": both(func() error { return busy.TryPut(v) }, func() error {
			task, err := busy.TryGet()
			if err != nil {
				return err
			}
			return task.Ack()
		}),
		"WorkQueue try": both(func() error { return work.TryPut(v) }, func() error {
			task, err := work.TryGet()
			if err != nil {
				return err
			}
			v = *task.Value()
			return task.Ack()
		}),
		"WorkQueue": both(func() error { return work.Put(ctx, v) }, func() error {
			for range 2 {
				task, err := work.Get(ctx)
				if err != nil {
					return err
				}
				if task.Deliveries() == 2 {
					return task.Ack()
				}
				if err := task.Nack(); err != nil {
					return err
				}
			}
			return work.Join(ctx)
		}),
		"failed tries": func() error {
			_, err1 := c.TryPop()
			_, err2 := q.TryPop()
			_, err3 := bc.TryNext()
			_, err4 := w.TryNext()
			_, err5 := ls.TryPop()
			if err1 != ring.ErrEmpty || err2 != ring.ErrEmpty || err3 != ring.ErrEmpty || err4 != ring.ErrEmpty || err5 != ring.ErrEmpty {
				t.Fatalf("%v, %v, %v, %v, %v", err1, err2, err3, err4, err5)
			}
			return nil
		},
	}
}

// both pops unless the push has failed.
func both(push, pop func() error) func() error {
	return func() error {
		if err := push(); err != nil {
			return err
		}
		return pop()
	}
}

func TestNoAllocation(t *testing.T) {
	t.Run("8 bytes", func(t *testing.T) { noAllocation[uint64](t) })
	t.Run("1 KiB", func(t *testing.T) { noAllocation[[1024]byte](t) })
}

func noAllocation[T any](t *testing.T) {
	for what, op := range undisturbed[T](t, newSegment(t)) {
		n := testing.AllocsPerRun(100, func() { proctest.Check(t, op()) })
		if n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}
