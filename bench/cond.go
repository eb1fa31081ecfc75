package main

import (
	"github.com/isthmus-go/isthmus/shm"
)

// condRows are round trips by a shm.Cond: each side sets a number under the lock, signals,
// and waits for the other's.
func condRows() []row {
	return defaultTripRows(row{System: "shm.Cond", wire: wireSegment, attach: attachCond})
}

func attachCond(r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	mu, err := shm.NewLock(seg, "lock")
	if err != nil {
		return nil, err
	}
	cond, err := shm.NewCond(seg, "cond", mu)
	if err != nil {
		return nil, err
	}
	numbers, err := shm.NewArray[uint64](seg, "numbers", 2) // asked, and answered
	if err != nil {
		return nil, err
	}
	now := numbers.View()
	await := func(what int, seq uint64) error {
		for now[what] < seq {
			cond.Wait()
		}
		if now[what] != seq {
			return wrongMessage(seq)
		}
		return nil
	}
	return func(side int) (loop, error) {
		return func(seq uint64, n int) (err error) {
			mu.Lock()
			defer mu.Unlock()
			for end := seq + uint64(n); seq != end && err == nil; seq++ {
				if side == 1 {
					err = await(0, seq+1)
				}
				now[side] = seq + 1
				cond.Signal()
				if side == 0 {
					err = await(1, seq+1)
				}
			}
			return err
		}, nil
	}, nil
}
