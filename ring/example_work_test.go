package ring_test

import (
	"context"
	"fmt"
	"log"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// Workers, which would be processes of their own, do jobs. A job that fails is given back,
// and one that fails twice is set aside.
func ExampleWorkQueue() {
	ctx := context.Background()
	seg, err := shm.OpenOrCreate("workshop", 1<<16, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer shm.Remove("workshop", nil)
	defer seg.Close()
	failed, err := ring.NewWorkQueue[int](seg, "failed", 64)
	if err != nil {
		log.Fatal(err)
	}
	jobs, err := ring.NewWorkQueue[int](seg, "jobs", 64, ring.MaxDeliveries(2, failed))
	if err != nil {
		log.Fatal(err)
	}

	done := make(chan error)
	go func() {
		for task, err := range jobs.All(ctx) {
			if err != nil {
				done <- err
				return
			}
			job := *task.Value()
			if job%3 == 0 {
				fmt.Println("job", job, "fails")
				err = task.Nack()
			} else {
				fmt.Println("job", job, "is done")
				err = task.Ack()
			}
			if err != nil {
				log.Fatal(err)
			}
		}
		done <- nil
	}()

	for job := range 5 {
		if err := jobs.Put(ctx, job+1); err != nil {
			log.Fatal(err)
		}
		if err := jobs.Join(ctx); err != nil {
			log.Fatal(err)
		}
	}
	if err := jobs.Close(); err != nil {
		log.Fatal(err)
	}
	if err := <-done; err != nil {
		log.Fatal(err)
	}
	fmt.Println(failed.Len(), "job failed")
	// Output:
	// job 1 is done
	// job 2 is done
	// job 3 fails
	// job 3 fails
	// job 4 is done
	// job 5 is done
	// 1 job failed
}
