package process

import (
	"context"
	"iter"
)

const (
	// A chunk of Map is to take about that long: twice as many elements go into the next one if
	// it has taken less than half of that, and half as many if it has taken more than twice.
	chunkMicros = 500

	maxChunk     = 1 << 10 // elements, if they are small
	chunksAhead  = 8       // for each worker, with results that are not taken yet
	tasksOfChunk = 4       // a worker that ends after some tasks takes at least that many chunks
)

// Map runs the task with each argument, and returns an iterator over the results, each with
// its error, in the order of the arguments. A failed task does not end the loop.
//
// Map passes several arguments to a worker at a time, a chunk, if the tasks are short. It finds out how many by
// itself. The sequence is read by the goroutine of the loop, up to 8 chunks for each worker ahead of the
// results that it has taken, so it may be endless. Results that are there are yielded before more of
// it is read.
//
// If ctx ends, or the pool, the iterator yields that error, without a result, and ends. When the
// loop ends early, tasks that have not begun are not begun any more, and the contexts of those
// that run are cancelled.
func (t *Task[A, R]) Map(ctx context.Context, p *Pool, args iter.Seq[A]) iter.Seq2[R, error] {
	return t.mapped(ctx, p, args, true)
}

// MapUnordered is Map that yields results as they come.
func (t *Task[A, R]) MapUnordered(ctx context.Context, p *Pool, args iter.Seq[A]) iter.Seq2[R, error] {
	return t.mapped(ctx, p, args, false)
}

func (t *Task[A, R]) mapped(ctx context.Context, p *Pool, args iter.Seq[A], ordered bool) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		next, stop := iter.Pull(args)
		defer stop()
		ahead := chunksAhead * p.opts.Workers
		m := mapping[A, R]{
			t: t, p: p, ctx: ctx, next: next, size: 1,
			chunks: make(map[*parcel]struct{}, ahead), ready: make(chan *parcel, ahead),
		}
		if p.opts.MaxTasks > 0 {
			m.most = max(1, p.opts.MaxTasks/tasksOfChunk)
		} else {
			m.most = maxChunk
		}
		defer m.drop()
		for {
			c := m.done(ordered, false)
			for c == nil && !m.read && len(m.chunks) < ahead {
				m.chunk()
				c = m.done(ordered, false)
			}
			if c == nil {
				if len(m.chunks) == 0 {
					break
				}
				c = m.done(ordered, true)
			}
			if c == nil || !m.yield(c, yield) {
				break
			}
		}
		if m.err != nil && !m.broken {
			yield(*new(R), m.err)
		}
	}
}

// A mapping is a loop of Map.
type mapping[A, R any] struct {
	t    *Task[A, R]
	p    *Pool
	ctx  context.Context
	next func() (A, bool)

	read   bool // nothing more is to be read
	err    error
	broken bool // the loop has ended

	held       []byte // the encoded argument that did not fit into the last chunk
	heldErr    error  // why it is none
	holds      bool
	size, most int // elements of the next chunk

	chunks map[*parcel]struct{} // those that were not yielded
	order  []*parcel            // the same, by their arguments
	ready  chan *parcel         // those that are done
}

// element returns the next argument, encoded, or why it cannot be.
func (m *mapping[A, R]) element() (arg []byte, err error, ok bool) {
	if m.holds {
		m.holds = false
		return m.held, m.heldErr, true
	}
	a, ok := m.next()
	if !ok {
		return nil, nil, false
	}
	arg, err = m.t.appendArg(nil, a)
	return arg, err, true
}

// chunk reads a chunk, and passes it to the workers.
func (m *mapping[A, R]) chunk() {
	if m.err = m.ended(); m.err != nil {
		m.read = true
		return
	}
	c := &parcel{pool: m.p, task: m.t.task, timed: true, done: make(chan struct{}), ready: m.ready}
	n := 0
	for n < m.size {
		arg, err, ok := m.element()
		if !ok {
			m.read = true
			break
		}
		if n > 0 && (err != nil || len(c.args)+len(arg) > slotRoom) {
			m.held, m.heldErr, m.holds = arg, err, true
			break
		}
		n++
		if err != nil {
			m.add(c, n)
			c.fail(err)
			return
		}
		c.args = append(c.args, arg...)
	}
	if n > 0 {
		m.add(c, n)
		c.pass(m.ctx)
	}
}

func (m *mapping[A, R]) add(c *parcel, n int) {
	c.outcomes = make([]outcome, n)
	m.chunks[c] = struct{}{}
	m.order = append(m.order, c)
}

// ended returns why no more is to be read, or nil.
func (m *mapping[A, R]) ended() error {
	switch {
	case m.ctx.Err() != nil:
		return ended(m.ctx)
	case m.p.ctx.Err() != nil:
		return m.p.fault()
	}
	return nil
}

// done returns a chunk that is done, the first one if they are ordered. If there is none, it
// waits, or returns nil. When ctx ends, it returns nil.
func (m *mapping[A, R]) done(ordered, wait bool) *parcel {
	for {
		if ordered && len(m.order) > 0 && m.order[0].over() {
			c := m.order[0]
			m.order = m.order[1:]
			return c
		}
		var c *parcel
		select {
		case c = <-m.ready:
		default:
			if !wait {
				return nil
			}
			select {
			case c = <-m.ready:
			case <-m.ctx.Done():
				m.err = ended(m.ctx)
				return nil
			}
		}
		if !ordered {
			return c
		}
	}
}

// yield yields the results of a chunk.
func (m *mapping[A, R]) yield(c *parcel, yield func(R, error) bool) bool {
	delete(m.chunks, c)
	switch n := len(c.outcomes); {
	case c.took < chunkMicros/2 && n == m.size:
		m.size = min(m.most, 2*m.size)
	case c.took > 2*chunkMicros && n >= m.size:
		m.size = max(1, m.size/2)
	}
	for i := range c.outcomes {
		r, err := m.t.result.result(m.t.name, &c.outcomes[i])
		if !yield(r, err) {
			m.broken = true
			return false
		}
	}
	return true
}

// drop gives up what was not yielded.
func (m *mapping[A, R]) drop() {
	for c := range m.chunks {
		c.fail(context.Canceled)
	}
}
