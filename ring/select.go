package ring

import (
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/shm"
)

// selectCase returns the attempt as a case of a Select.
func (o *object) selectCase(e *wait.Event, busy error, try func() error, stalled func()) shm.Case {
	a := &attempt{object: o, event: e, busy: busy}
	return wait.NewCase(e, func() bool { return a.look(try) }, func() { a.atSlice(stalled) },
		func() error { return a.err }).
		Beginning(func() { a.died = false }) // what an earlier Select saw says nothing about now
}

// messageCase is selectCase of awaitMessage.
func (q *track) messageCase(try func() error, find func() bool) shm.Case {
	found := false
	return q.selectCase(&q.canPop, ErrEmpty,
		func() error { return q.orFound(&found, try) },
		func() { q.repairHead(); found = find() })
}

// into returns a try that stores a message where v points, if it gets one.
func into[T any](v *T, try func() (T, error)) func() error {
	return func() error {
		m, err := try()
		if err == nil {
			*v = m
		}
		return err
	}
}

// PushCase returns a case for [shm.Select] that pushes *v.
func (p *Producer[T]) PushCase(v *T) shm.Case {
	return p.selectCase(&p.canPush, ErrFull, func() error { return p.TryPush(*v) }, p.stalled)
}

// PopCase returns a case for [shm.Select] that pops a message and stores it in *v.
func (c *Consumer[T]) PopCase(v *T) shm.Case {
	return c.selectCase(&c.canPop, ErrEmpty, into(v, c.TryPop), nothingToRepair)
}

// PopCase returns a case for [shm.Select] that pops a message and stores it in *v.
func (s *Subscriber[T]) PopCase(v *T) shm.Case {
	return s.selectCase(&s.canPop, ErrEmpty, into(v, s.TryPop), nothingToRepair)
}

// PushCase returns a case for [shm.Select] that pushes *v.
func (q *MPMC[T]) PushCase(v *T) shm.Case {
	return q.selectCase(&q.canPush, ErrFull, func() error { return q.TryPush(*v) }, q.repairTail)
}

// PopCase returns a case for [shm.Select] that pops a message and stores it in *v.
func (q *MPMC[T]) PopCase(v *T) shm.Case {
	return q.messageCase(into(v, q.TryPop), func() bool {
		m, ok := q.redeliver()
		if ok {
			*v = m
		}
		return ok
	})
}

// PutCase returns a case for [shm.Select] that puts *v into the queue.
func (q *WorkQueue[T]) PutCase(v *T) shm.Case {
	return q.selectCase(&q.canPush, ErrFull, func() error { return q.TryPut(*v) }, q.repairRoom)
}

// GetCase returns a case for [shm.Select] that delivers a message as *t.
func (q *WorkQueue[T]) GetCase(t *Task[T]) shm.Case {
	return q.messageCase(into(t, q.TryGet), func() bool {
		m, ok := q.takeOver()
		if ok {
			*t = m
		}
		return ok
	})
}

// PushCase returns a case for [shm.Select] that pushes a copy of *b.
func (p *BytesProducer) PushCase(b *[]byte) shm.Case {
	return p.selectCase(&p.canPush, ErrFull, func() error { return p.TryPush(*b) }, nothingToRepair)
}

// PopCase returns a case for [shm.Select] that pops a message and appends it to *dst.
func (c *BytesConsumer) PopCase(dst *[]byte) shm.Case {
	try := func() ([]byte, error) { return c.TryPop(*dst) }
	return c.selectCase(&c.canPop, ErrEmpty, into(dst, try), nothingToRepair)
}

// PushCase returns a case for [shm.Select] that pushes a copy of *b.
func (q *BytesMPMC) PushCase(b *[]byte) shm.Case {
	try := func() error { return q.TryPush(*b) }
	return q.selectCase(&q.canPush, ErrFull, try, func() { q.repairTail(len(*b)) })
}

// PopCase returns a case for [shm.Select] that pops a message and appends it to *dst. The
// bytes between the length and the capacity of *dst may change in any case.
func (q *BytesMPMC) PopCase(dst *[]byte) shm.Case {
	return q.messageCase(into(dst, func() ([]byte, error) { return q.TryPop(*dst) }), func() bool {
		var one [1]int
		longer, ok := q.redeliver(*dst, one[:])
		if ok {
			*dst = longer
		}
		return ok
	})
}
