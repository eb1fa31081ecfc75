package semaphore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// The program starts itself six more times. A semaphore lets two of the six work
// at a time; they count how many they are.
func Example() {
	seg, err := shm.OpenOrCreate("work", 1<<16, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Close()
	sem, err1 := semaphore.New(seg, "sem", 2, nil)
	working, err2 := shm.NewValue[int64](seg, "working")
	most, err3 := shm.NewValue[int64](seg, "most")
	if err := errors.Join(err1, err2, err3); err != nil {
		log.Fatal(err)
	}

	if os.Getenv("ROLE") == "worker" {
		for range 1000 {
			if err := sem.Acquire(context.Background(), 1); err != nil {
				log.Fatal(err)
			}
			n := shm.Add(working, 1)
			most.Update(func(m int64) int64 { return max(m, n) })
			shm.Add(working, -1)
			sem.Release(1)
		}
		return
	}

	defer shm.Remove("work", nil)
	var workers []*exec.Cmd
	for range 6 {
		worker := exec.Command(os.Args[0])
		worker.Env = append(os.Environ(), "ROLE=worker")
		worker.Stderr = os.Stderr
		if err := worker.Start(); err != nil {
			log.Fatal(err)
		}
		workers = append(workers, worker)
	}
	for _, worker := range workers {
		if err := worker.Wait(); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("more than two at work:", most.Load() > 2)
	// Output: more than two at work: false
}
