package ring

// Option changes what the handle of a ring does that a constructor returns, and all that
// come from it. It is no property of the ring: other processes, and other handles, choose
// for themselves.
type Option uint8

const (
	// FailOnDeath makes operations that wait (Push, Pop, PushAll, PopInto, Reserve, Next,
	// All) return an error that wraps [ErrPeerDied] when they would wait for the dead.
	// Without it they wait for a successor, which a supervisor starts.
	//
	// A Pop fails so when the ring is empty, no process that is alive is a producer of
	// it, and one that was a producer has died. A Push fails so when the ring is full,
	// and the same is true of consumers. It takes up to 50 ms until a death is found.
	// Messages that the dead have pushed are popped first.
	//
	// These are waited for, as without the option: one that never came, one that has given
	// its end up (Detach, or Close of its Segment), and one that is stopped. A process
	// that ends without Close of its Segment has died. When a successor has come, the
	// operations wait again.
	FailOnDeath Option = 1 << iota
)

// failOnDeath reports whether FailOnDeath is among the options.
func failOnDeath(opts []Option) bool {
	for _, o := range opts {
		if o&FailOnDeath != 0 {
			return true
		}
	}
	return false
}
