package ring

// Option changes the behaviour of one handle of a ring: of the value that the
// constructor returns, and of everything obtained from that value. Except for
// [Lossless], an Option is not a property of the ring. Other processes, and other
// handles, can use other options.
type Option uint8

const (
	// FailOnDeath makes operations that wait (Push, Pop, PushAll, PopInto,
	// Reserve, Next, All, Put, Get, Join) return an error that wraps [ErrPeerDied] instead of
	// waiting for a dead process. Without the option, these operations wait for
	// a successor, which a supervisor starts.
	//
	// A Pop fails in this way if the ring is empty, no live process is a
	// producer, and a process that was a producer has died. A Push fails in this
	// way if the ring is full, no live process is a consumer, and a process that
	// was a consumer has died. A death is found within 50 ms. Messages that the
	// dead process has pushed are popped first.
	//
	// In three cases the operations wait, as they do without the option: the
	// other end never had a process, or its process gave it up (by Detach, or by
	// Close of its Segment), or its process is stopped. A process that ends
	// without Close of its Segment has died. When a successor has taken the
	// other end, the operations wait again.
	FailOnDeath Option = 1 << iota

	// Lossless makes the producer of a [Broadcast] wait for its slowest subscriber.
	// Without the option, it overwrites the oldest messages. All processes have to
	// use the same: this option is a property of the ring. The other rings are
	// lossless anyway.
	Lossless
)

// has reports whether an option is among those given.
func has(opts []Option, option Option) bool {
	for _, o := range opts {
		if o&option != 0 {
			return true
		}
	}
	return false
}
