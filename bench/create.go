package main

import (
	"runtime"

	"github.com/isthmus-go/isthmus/shm"
)

// createRows are segments made and closed again, whose pages are all mapped
// from the start, or only reserved.
func createRows() []row {
	if runtime.GOOS != "linux" {
		return nil // there are no anonymous segments
	}
	r := row{Workload: create, System: "shm.Segment", Batch: 1, Procs: 1, long: true, attach: attachCreate}
	var rows []row
	for _, r.Size = range []int{1 << 20, 1 << 30} {
		for _, r.Mode = range []string{"reserved", "populated"} {
			rows = append(rows, r)
		}
	}
	return rows
}

func attachCreate(r row, _ inherited) (joiner, error) {
	opts := &shm.Options{Populate: r.Mode == "populated"}
	return func(int) (loop, error) {
		return func(_ uint64, n int) error {
			for range n {
				seg, err := shm.Anonymous(int64(r.Size), opts)
				if err != nil {
					return err
				}
				if err := seg.Close(); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}, nil
}
