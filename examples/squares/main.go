// Squares starts a child process that computes squares, and prints what the child
// sends through shared memory. In Python:
//
//	def calc_square_q(input_arr, q):
//	    for num in input_arr:
//	        q.put(num ** 2)
//
//	q = Queue()
//	p = Process(target=calc_square_q, args=(range(10), q))
//	p.start()
//	p.join()
//	while not q.empty():
//	    print(q.get(), end=" ")
//
// What is better here: the queue is closed, and the loop ends when all was read, however the child
// has ended. In Python, empty() is not reliable, and join() before get() hangs when the queue holds
// more than a pipe does.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

func main() {
	process.Main() // the child is a process of this program, and goes no further
	if err := parent(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// parent makes the segment and what is in it, and starts the child.
func parent(ctx context.Context) error {
	name := fmt.Sprintf("squares-%d", os.Getpid()) // another run has another
	seg, err := shm.Create(name, 1<<20, nil)
	if err != nil {
		return err
	}
	defer shm.Remove(name, nil)
	defer seg.Close()
	q, err := ring.NewMPMC[int64](seg, "numbers", 1024)
	if err != nil {
		return err
	}

	p, err := process.Start(ctx, child, 10, &process.Options{Segments: []*shm.Segment{seg}})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(p.Wait(), q.Close()) }() // which ends the loop below
	for v, err := range q.All(ctx) {
		if err != nil {
			return err
		}
		fmt.Println(v)
	}
	return <-ended
}

// child opens what the parent has made, and sends.
var child = process.Register("child", func(ctx context.Context, n int64) error {
	seg, err := process.Segment(0, nil)
	if err != nil {
		return err
	}
	defer seg.Close()
	q, err := ring.NewMPMC[int64](seg, "numbers", 1024)
	if err != nil {
		return err
	}
	for i := range n {
		if err := q.Push(ctx, i*i); err != nil {
			return err
		}
	}
	return nil
})
