package main

import (
	"context"
	"fmt"
	"iter"
	"math/big"
	"runtime"

	"github.com/isthmus-go/isthmus/process"
)

const (
	// factorials is of how many numbers, from 0 on, an operation computes the factorials.
	factorials = 1000

	// factorialChunk is how many of them make a chunk, in systems that have to be told. The last numbers
	// take longest, so that larger ones leave a worker idle at the end.
	factorialChunk = 32
)

func factorialOf(k int) *big.Int { return new(big.Int).MulRange(1, int64(k)) }

var factorialTask = process.Func("bench/factorial", func(_ context.Context, k int) (*big.Int, error) { return factorialOf(k), nil })

// factorialRows are the factorials of a range of numbers: by a pool of processes, to which
// numbers go and from which the results come back whole; and one after another.
func factorialRows() []row {
	if runtime.GOOS != "linux" {
		return nil
	}
	r := row{Workload: factorial, Batch: 1, Procs: 1, spread: true, long: true}
	isthmus, pipe, serial := r, r, r
	isthmus.System, isthmus.attach = "process.Pool", attachFactorialPool
	pipe.System, pipe.attach = "pipe", attachFactorialPipe
	serial.System, serial.attach = "serial", attachFactorialSerial
	return []row{isthmus, pipe, serial}
}

func attachFactorialPool(row, inherited) (joiner, error) {
	p, err := newPool()
	if err != nil {
		return nil, err
	}
	return eachTime(func() error {
		return checkFactorials(factorialTask.Map(context.Background(), p, below(factorials)))
	}), nil
}

func attachFactorialPipe(row, inherited) (joiner, error) {
	p, err := newPipePool[int, *big.Int]("factorial")
	if err != nil {
		return nil, err
	}
	return eachTime(func() error { return checkFactorials(p.all(below(factorials), factorialChunk)) }), nil
}

func attachFactorialSerial(row, inherited) (joiner, error) {
	return eachTime(func() error {
		return checkFactorials(func(yield func(*big.Int, error) bool) {
			for k := range factorials {
				if !yield(factorialOf(k), nil) {
					return
				}
			}
		})
	}), nil
}

// below is the sequence of the numbers below n.
func below[N int | uint64](n N) iter.Seq[N] {
	return func(yield func(N) bool) {
		for k := N(0); k < n; k++ {
			if !yield(k) {
				return
			}
		}
	}
}

// checkFactorials takes the factorials, each of which is its number times the one before.
func checkFactorials(all iter.Seq2[*big.Int, error]) error {
	want, k := big.NewInt(1), int64(0)
	for f, err := range all {
		if err != nil {
			return err
		}
		if k > 0 {
			want.Mul(want, big.NewInt(k))
		}
		if f.Cmp(want) != 0 {
			return fmt.Errorf("not the factorial of %d", k)
		}
		k++
	}
	if k != factorials {
		return fmt.Errorf("%d factorials, want %d", k, factorials)
	}
	return nil
}
