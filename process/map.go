package process

import (
	"context"
	"iter"
	"maps"
	"slices"
)

const (
	// A chunk of Map is to take about that long: twice as many elements go into the next one if
	// it has taken less than half of that, and half as many if it has taken more than twice.
	chunkMicros = 500

	maxChunk     = 1 << 10 // elements
	chunkRoom    = 1 << 14 // bytes of arguments, if they are several
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
			t: t, p: p, ctx: ctx, ordered: ordered, next: next, size: 1,
			chunks: make(map[*parcel]int, ahead), ready: make(chan *parcel, ahead),
		}
		if p.opts.MaxTasks > 0 {
			m.most = max(1, p.opts.MaxTasks/tasksOfChunk)
		} else {
			m.most = maxChunk
		}
		defer m.drop()
		for {
			c := m.done(false)
			for c == nil && !m.read && len(m.chunks) < ahead {
				m.chunk()
				c = m.done(false)
			}
			if c == nil && len(m.chunks) > 0 {
				c = m.done(true)
			}
			if ctx.Err() != nil {
				m.err = ended(ctx)
				break
			}
			if c == nil {
				break
			}
			if !m.yield(c, yield) {
				return
			}
		}
		if m.err != nil {
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

	ordered bool
	read    bool  // nothing more is to be read
	err     error // the last that is yielded, or nil

	held       []byte // the last argument, encoded
	heldErr    error  // why it is none
	holds      bool   // it did not fit into the last chunk
	size, most int    // elements of the next chunk

	chunks map[*parcel]int // those that were not yielded, and the how manieth each is
	passed int
	order  []*parcel    // the same, if they are ordered
	ready  chan *parcel // those that are done, if they are not
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
	m.held, err = m.t.appendArg(m.held[:0], a)
	return m.held, err, true
}

// chunk reads a chunk, and passes it to the workers.
func (m *mapping[A, R]) chunk() {
	c := &parcel{pool: m.p, task: m.t.task, timed: true, done: make(chan struct{})}
	if m.size > 1 {
		c.args = make([]byte, 0, slotRoom)
	}
	n := 0
	var err error
	for n < m.size && err == nil {
		var arg []byte
		var ok bool
		if arg, err, ok = m.element(); !ok {
			m.read = true
			break
		}
		if n > 0 && (err != nil || len(c.args)+len(arg) > chunkRoom) {
			m.heldErr, m.holds, err = err, true, nil
			break
		}
		c.args = append(c.args, arg...)
		n++
	}
	if n == 0 {
		return
	}
	c.outcomes = make([]outcome, n)
	if !m.ordered {
		c.ready = m.ready
	}
	if err != nil {
		c.fail(err)
	} else if m.err = c.pass(m.ctx); m.err != nil {
		m.read = true
		return
	}
	m.passed++
	m.chunks[c] = m.passed
	if m.ordered {
		m.order = append(m.order, c)
	}
}

// done returns a chunk that is done, of ordered ones the first. If it is not, done waits, or
// returns nil. When ctx ends, it returns nil.
func (m *mapping[A, R]) done(wait bool) (c *parcel) {
	over := m.ctx.Done()
	if !wait {
		over = noWait
	}
	if !m.ordered {
		select {
		case c = <-m.ready:
		default:
			select {
			case c = <-m.ready:
			case <-over:
			}
		}
	} else if len(m.order) > 0 {
		if c = m.order[0]; !c.over() {
			select {
			case <-c.done:
			case <-over:
				return nil
			}
		}
		m.order[0] = nil // it has results
		m.order = m.order[1:]
	}
	return c
}

// noWait is closed.
var noWait = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

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
		c.outcomes[i] = outcome{}
		if !yield(r, err) {
			return false
		}
	}
	return true
}

// drop gives up what was not yielded, the last chunk first: a worker whose task is cancelled
// takes the next that it finds.
func (m *mapping[A, R]) drop() {
	late := func(a, b *parcel) int { return m.chunks[b] - m.chunks[a] }
	for _, c := range slices.SortedFunc(maps.Keys(m.chunks), late) {
		c.fail(context.Canceled)
	}
}
