package ring

import "context"

// Join waits until all messages that were put are acknowledged, or became dead letters:
// until it finds the queue empty, with nothing held. If others go on putting, that may
// take longer than the messages that were put before. If ctx ends first, Join returns an
// error that wraps the error of ctx. With [FailOnDeath], it returns an error that wraps
// [ErrPeerDied] if messages are left, no live process is a consumer, and a process that was
// a consumer has died.
func (q *WorkQueue[T]) Join(ctx context.Context) error {
	if err := q.begin(ctx); err != nil {
		return err
	}
	var err error
	died := false
	werr := q.joiners.AwaitEach(ctx, func() bool {
		if err = q.check(); err != nil {
			return true
		}
		if q.idle() {
			err = q.check()
			return true
		}
		if died { // looked again: see end
			if died = q.consumers.abandoned(); died {
				err = q.verdict(q.fault(ErrPeerDied))
			}
		}
		return died
	}, func() {
		died = q.fail && q.consumers.abandoned()
		q.repairHead()
	})
	if werr != nil {
		return q.fault(werr)
	}
	if err == nil {
		q.popped.Acquire()
	}
	return err
}

// idle reports whether there was a moment without a message: what was seen slot by slot
// was so at one moment if nothing has changed since. Each slot without a message has a figure,
// which rises with each message that is finished there, with its lap, and is never the same
// again. So the sum is the same only if each is.
func (q *WorkQueue[T]) idle() bool {
	sum, ok := q.figures()
	if !ok {
		return false
	}
	again, ok := q.figures()
	return ok && again == sum
}

// figures returns the sum of the figures if there is no message.
func (q *WorkQueue[T]) figures() (sum uint64, ok bool) {
	for i := range q.capacity {
		w := q.load(i)
		switch w.phase() {
		case free, closed:
		case held:
			if q.holder(i) != finished {
				return 0, false
			}
			sum++ // as it is not free yet
		default:
			return 0, false
		}
		sum += uint64(w>>freeLapShift) * 2
	}
	return sum, true
}
