package main

// chanRows are a Go channel between two goroutines of one process: what one
// would use if there were no second process.
func chanRows() []row {
	r := row{System: "chan", inProcess: true}
	r.attach = attachChanTrips
	rows := defaultTripRows(r)
	r.attach = attachChanStream
	rows = append(rows, streamRows(r, streamBatches...)...)
	r.attach = attachSharedChan
	rows = append(rows, sharedRows(r)...)
	r.Workload, r.attach = sem, attachChanPermits
	return append(rows, contendRows(r)...)
}

func attachChanTrips(row, inherited) (joiner, error) {
	there, back := make(chan uint64, 1), make(chan uint64, 1)
	return func(side int) (loop, error) {
		if side == 0 {
			return func(seq uint64, n int) error {
				for end := seq + uint64(n); seq != end; seq++ {
					there <- seq
					if <-back != seq {
						return wrongMessage(seq)
					}
				}
				return nil
			}, nil
		}
		return func(seq uint64, n int) error {
			for end := seq + uint64(n); seq != end; seq++ {
				v := <-there
				if v != seq {
					return wrongMessage(seq)
				}
				back <- v
			}
			return nil
		}, nil
	}, nil
}

// attachChanStream sends small messages by value. Large ones and batches
// travel as slices, which come back through a second channel to be used
// again, so that nothing is allocated.
func attachChanStream(r row, _ inherited) (joiner, error) {
	switch {
	case r.Size == 8 && r.Batch == 1:
		return joinChan[[1]uint64](), nil
	case r.Size == 64 && r.Batch == 1:
		return joinChan[[8]uint64](), nil
	case r.Size == 8:
		return joinSlices[[1]uint64](r), nil
	case r.Size == 64:
		return joinSlices[[8]uint64](r), nil
	case r.Size == 256:
		return joinSlices[[32]uint64](r), nil
	case r.Size == 1<<10:
		return joinSlices[[128]uint64](r), nil
	case r.Size == 4<<10:
		return joinSlices[[512]uint64](r), nil
	case r.Size == 16<<10:
		return joinSlices[[2048]uint64](r), nil
	case r.Size == 64<<10:
		return joinSlices[[8192]uint64](r), nil
	case r.Size == 256<<10:
		return joinSlices[[32768]uint64](r), nil
	default:
		return joinSlices[[131072]uint64](r), nil
	}
}

func joinChan[T smallMessage]() joiner {
	c := make(chan T, chanCapacity)
	return func(side int) (loop, error) {
		if side == 0 {
			return sendChan(c), nil
		}
		return receiveChan(c), nil
	}
}

func joinSlices[T message](r row) joiner {
	// As many slices are under way as fill the buffers of the others.
	slots := min(max(bufferSize/(r.Size*r.Batch), 4), chanCapacity)
	full, free := make(chan []T, slots), make(chan []T, slots)
	for range slots {
		free <- make([]T, r.Batch)
	}
	return func(side int) (loop, error) {
		if side == 0 {
			return sendSlices(full, free), nil
		}
		return receiveSlices(full, free), nil
	}
}

// smallMessage are the messages that fit in a channel: the compiler refuses
// elements of 64 KiB.
type smallMessage interface {
	[1]uint64 | [8]uint64
}

const chanCapacity = 1024

func sendChan[T smallMessage](c chan<- T) loop {
	return func(seq uint64, n int) error {
		var m T
		for end := seq + uint64(n); seq != end; seq++ {
			stampValue(&m, seq)
			c <- m
		}
		return nil
	}
}

func receiveChan[T smallMessage](c <-chan T) loop {
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m := <-c
			if !stampedValue(&m, seq) {
				return wrongMessage(seq)
			}
		}
		return nil
	}
}

func sendSlices[T message](full chan<- []T, free <-chan []T) loop {
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; {
			ms := <-free
			stampValues(ms, seq)
			seq += uint64(len(ms))
			full <- ms
		}
		return nil
	}
}

func receiveSlices[T message](full <-chan []T, free chan<- []T) loop {
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; {
			ms := <-full
			if !stampedValues(ms, seq) {
				return wrongMessage(seq)
			}
			seq += uint64(len(ms))
			free <- ms
		}
		return nil
	}
}

// attachChanPermits uses a channel's buffer as one permit.
func attachChanPermits(row, inherited) (joiner, error) {
	permits := make(chan struct{}, 1)
	return func(int) (loop, error) {
		return func(_ uint64, n int) error {
			for range n {
				permits <- struct{}{}
				<-permits
			}
			return nil
		}, nil
	}, nil
}
