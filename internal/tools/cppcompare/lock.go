//go:build linux

package main

import (
	"context"

	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

func attachLock(seg *shm.Segment, _ int) (loop, error) {
	mu, err := shm.NewLock(seg, "lock")
	if err != nil {
		return nil, err
	}
	return func(_ uint64, n int) error {
		for range n {
			mu.Lock()
			//lint:ignore SA2001 the pair itself is what is measured
			mu.Unlock()
		}
		return nil
	}, nil
}

// attachSemaphore uses a semaphore of one permit.
func attachSemaphore(seg *shm.Segment, _ int) (loop, error) {
	permits, err := semaphore.New(seg, "permits", 1, nil)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	return func(_ uint64, n int) error {
		for range n {
			if err := permits.Acquire(ctx, 1); err != nil {
				return err
			}
			permits.Release(1)
		}
		return nil
	}, nil
}
