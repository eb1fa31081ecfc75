package main

// attachSharedChan uses one channel. Batches travel as slices, which their
// receiver fills and sends again.
func attachSharedChan(r row, _ inherited) (joiner, error) {
	if r.Batch > 1 {
		c := make(chan []uint64, chanCapacity)
		return func(side int) (loop, error) { return exchangeSlices(c, side, r.Batch), nil }, nil
	}
	c := make(chan uint64, chanCapacity)
	return func(side int) (loop, error) {
		switch {
		case r.Mode == both:
			return exchangeChan(c, side), nil
		case r.sends(side):
			return func(seq uint64, n int) error {
				for end := seq + uint64(n); seq != end; seq++ {
					c <- numbered(side, seq)
				}
				return nil
			}, nil
		default:
			seen := new(arrivals)
			return func(_ uint64, n int) error {
				for range n {
					if m := <-c; !seen.take(m) {
						return wrongArrival(m)
					}
				}
				return nil
			}, nil
		}
	}, nil
}

func exchangeChan(c chan uint64, side int) loop {
	seen := new(arrivals)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			c <- numbered(side, seq)
			if m := <-c; !seen.take(m) {
				return wrongArrival(m)
			}
		}
		return nil
	}
}

func exchangeSlices(c chan []uint64, side, batch int) loop {
	seen := new(arrivals)
	ms := make([]uint64, batch)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; {
			for i := range ms {
				ms[i] = numbered(side, seq)
				seq++
			}
			c <- ms
			ms = <-c
			for _, m := range ms {
				if !seen.take(m) {
					return wrongArrival(m)
				}
			}
		}
		return nil
	}
}
