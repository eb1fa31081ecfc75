// Python is a program in Go with a child in Python, that shares a bank account, a lock and a
// ring of NumPy arrays with it. The processes of Python's own multiprocessing take part.
// main.py is the other side. It needs clients/python:
//
//	pip install ./clients/python
//	go run ./examples/python
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

//go:embed main.py
var script string

const (
	deposits = 1000 // by each of two processes in Python
	blocks   = 10
)

func main() {
	python := flag.String("python", "python3", "the interpreter that has the package")
	flag.Parse()
	log.SetFlags(0)
	if err := run(*python); err != nil {
		log.Fatal(err)
	}
}

func run(python string) (err error) {
	name := fmt.Sprintf("example-python-%d", os.Getpid())
	seg, err := shm.Create(name, 4<<20, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, seg.Close(), shm.Remove(name, nil)) }()
	balance, err := shm.NewValue[int64](seg, "balance")
	if err != nil {
		return err
	}
	lock, err := shm.NewLock(seg, "lock")
	if err != nil {
		return err
	}
	q, err := ring.NewSPSC[[4096]float64](seg, "blocks", 4)
	if err != nil {
		return err
	}

	child := exec.Command(python, "-c", script, name, fmt.Sprint(deposits), fmt.Sprint(blocks))
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	if err := child.Start(); err != nil {
		return err
	}
	for range 2 * deposits { // beside what Python deposits
		lock.Lock()
		balance.Store(balance.Load() - 1)
		lock.Unlock()
	}
	err = sum(q)
	if err := errors.Join(err, child.Wait()); err != nil {
		return err
	}
	fmt.Println("end balance:", balance.Load())
	return nil
}

// sum adds the numbers of each block, in place.
func sum(q *ring.SPSC[[4096]float64]) error {
	out, err := q.Consumer()
	if err != nil {
		return err
	}
	ctx := context.Background()
	for {
		block, err := out.Next(ctx)
		if errors.Is(err, ring.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		total := 0.0
		for _, x := range block {
			total += x
		}
		fmt.Printf("sum of a block: %.0f\n", total)
		if err := out.Release(); err != nil {
			return err
		}
	}
}
