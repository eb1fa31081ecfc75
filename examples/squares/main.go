// Squares starts a child process that computes squares, and prints what the child
// sends through shared memory.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

func main() {
	run := parent
	if len(os.Args) > 1 {
		run = child
	}
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// parent makes the segment and what is in it, and starts the child with its name.
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

	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	child := exec.CommandContext(ctx, self, name)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		return err
	}
	go func() {
		if err := child.Wait(); err != nil {
			cancel(fmt.Errorf("child: %w", err)) // which ends the loop below
		}
	}()
	for v, err := range q.All(ctx) { // until the child closes the ring
		if err != nil {
			return fmt.Errorf("%w: %w", err, context.Cause(ctx))
		}
		fmt.Println(v)
	}
	return nil
}

// child opens what the parent has made, and sends.
func child(ctx context.Context) error {
	seg, err := shm.Open(os.Args[1], &shm.Options{MustExist: true})
	if err != nil {
		return err
	}
	defer seg.Close()
	q, err := ring.NewMPMC[int64](seg, "numbers", 1024)
	if err != nil {
		return err
	}
	for i := range int64(10) {
		if err := q.Push(ctx, i*i); err != nil {
			return err
		}
	}
	return q.Close()
}
