package main

import (
	"sync"
)

// mutexRows are sync.Mutex between goroutines of one process.
func mutexRows() []row {
	r := row{Workload: lock, System: "sync.Mutex", inProcess: true, attach: attachMutex}
	return append(contendRows(r), crowdRows(r)...)
}

func attachMutex(row, inherited) (joiner, error) {
	var mu sync.Mutex
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
