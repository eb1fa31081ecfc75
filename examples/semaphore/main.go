// Semaphore has five workers, of which two at a time use a resource.
//
// In Python:
//
//	def worker(semaphore, name):
//	    with semaphore:
//	        print(name, "is working")
//	        time.sleep(1)
//	        print(name, "is done")
//
//	semaphore = Semaphore(2)
//
// What is better here: if a worker is killed while it works, its permit comes back. In
// Python it is gone, and after two of them everybody waits forever.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

const (
	workers = 5
	permits = 2
)

type args struct {
	Name string
	Time time.Duration
}

var worker = process.Register("worker", func(ctx context.Context, a args) error {
	seg, err := process.Segment(0, nil)
	if err != nil {
		return err
	}
	defer seg.Close()
	sem, err := semaphore.New(seg, "resource", permits, nil)
	if err != nil {
		return err
	}
	if err := sem.Acquire(ctx, 1); err != nil {
		return err
	}
	defer sem.Release(1)
	fmt.Println(a.Name, "is working")
	time.Sleep(a.Time)
	fmt.Println(a.Name, "is done")
	return nil
})

func main() {
	process.Main()
	second := flag.Duration("second", time.Second, "how long a worker works")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt) // so that Ctrl-C leaves nothing
	defer stop()
	if err := run(ctx, *second); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, second time.Duration) error {
	name := fmt.Sprintf("semaphore-%d", os.Getpid())
	seg, err := shm.Create(name, 1<<16, nil)
	if err != nil {
		return err
	}
	defer shm.Remove(name, nil)
	defer seg.Close()

	var started []*process.Process
	for i := range workers {
		a := args{fmt.Sprintf("Worker %d", i), second}
		p, startErr := process.Start(ctx, worker, a, &process.Options{Segments: []*shm.Segment{seg}})
		if startErr != nil {
			err = startErr
			break
		}
		started = append(started, p)
	}
	for _, p := range started {
		err = errors.Join(err, p.Wait())
	}
	return err
}
