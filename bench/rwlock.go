package main

import (
	"sync"

	"github.com/isthmus-go/isthmus/shm"
)

// rwLockRows and rwMutexRows are readers only.
func rwLockRows() []row {
	return contendRows(row{Workload: lock, System: "shm.RWLock", wire: wireSegment, attach: attachRWLock})
}

func rwMutexRows() []row {
	return contendRows(row{Workload: lock, System: "sync.RWMutex", inProcess: true, attach: attachRWMutex})
}

func attachRWLock(r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	mu, err := shm.NewRWLock(seg, "rwlock")
	if err != nil {
		return nil, err
	}
	return func(int) (loop, error) { return reading(mu), nil }, nil
}

func attachRWMutex(row, inherited) (joiner, error) {
	mu := new(sync.RWMutex)
	return func(int) (loop, error) {
		return func(_ uint64, n int) error {
			for range n {
				mu.RLock()
				//lint:ignore SA2001 the pair itself is what is measured
				mu.RUnlock()
			}
			return nil
		}, nil
	}, nil
}

func reading(mu *shm.RWLock) loop {
	return func(_ uint64, n int) error {
		for range n {
			mu.RLock()
			//lint:ignore SA2001 the pair itself is what is measured
			mu.RUnlock()
		}
		return nil
	}
}
