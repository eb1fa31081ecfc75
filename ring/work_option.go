package ring

// WorkQueueOption is an option of [NewWorkQueue]: [FailOnDeath], or one that
// [MaxDeliveries] returns.
type WorkQueueOption interface{ set(to *workOptions) }

type workOptions struct {
	flags []Option
	most  int
	dead  any
}

func setOf(opts []WorkQueueOption) (set workOptions) {
	for _, o := range opts {
		o.set(&set)
	}
	return set
}

func (o Option) set(to *workOptions) { to.flags = append(to.flags, o) }

// MaxDeliveries makes a message that was delivered n times, and not acknowledged, a dead
// letter. It goes to another queue of the same Segment instead of being delivered again:
// by the last worker's Nack, or, if that one died, by a consumer that finds the message.
// Each dead letter is put there exactly once, even if processes die while they move it. If
// they die, it may be delivered there some 20 ms before it leaves its queue, which a
// consumer has to look after.
//
// If the other queue is full, or closed, the message stays. It is not delivered, and
// it is moved within 50 ms after there is room, if a consumer waits. n is from 1 to
// 511, and a property of the queue: all who open it pass the same. The other queue has
// no MaxDeliveries, and any number of queues may send it their dead letters. A process that
// moves a message is one of its producers.
func MaxDeliveries[T any](n int, deadLetters *WorkQueue[T]) WorkQueueOption {
	return deliveryLimit{n, deadLetters}
}

type deliveryLimit struct {
	most int
	dead any
}

func (l deliveryLimit) set(to *workOptions) { to.most, to.dead = l.most, l.dead }
