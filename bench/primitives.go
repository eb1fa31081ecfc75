package main

import (
	"context"

	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

func lockRows() []row {
	r := row{Workload: lock, System: "shm.Lock", wire: wireSegment, attach: attachLock}
	return append(contendRows(r), crowdRows(r)...)
}

func attachLock(r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	mu, err := shm.NewLock(seg, "lock")
	if err != nil {
		return nil, err
	}
	return func(int) (loop, error) {
		return func(_ uint64, n int) error {
			for range n {
				mu.Lock()
				//lint:ignore SA2001 the pair itself is what is measured
				mu.Unlock()
			}
			return nil
		}, nil
	}, nil
}

// semaphoreRows are a semaphore of one permit.
func semaphoreRows() []row {
	return contendRows(row{Workload: sem, System: "semaphore", wire: wireSegment, attach: attachSemaphore})
}

func attachSemaphore(r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	permits, err := semaphore.New(seg, "permits", 1, nil)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	return func(int) (loop, error) {
		return func(_ uint64, n int) error {
			for range n {
				if err := permits.Acquire(ctx, 1); err != nil {
					return err
				}
				permits.Release(1)
			}
			return nil
		}, nil
	}, nil
}
