// Factorial computes the factorials of the numbers below 12,000, in a pool of five processes
// and then one after another, and prints how long each takes.
//
// In Python:
//
//	with Pool(5) as p:
//	    results = p.map(math.factorial, range(12000))
//
// What is better here: the results of 100 MB come one by one while others are computed, and are
// compared. The task is idempotent. So a worker may be killed in the middle, try -kill, and its
// tasks are run again: nothing is missing.
package main

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"log"
	"math/big"
	"os"
	"time"

	"github.com/isthmus-go/isthmus/process"
)

var (
	n       = flag.Int64("n", 12000, "compute the factorials of the numbers below `n`")
	workers = flag.Int("workers", 5, "in that many processes")
	kill    = flag.Bool("kill", false, "kill a worker in the middle")
)

func compute(x int64) *big.Int { return new(big.Int).MulRange(1, x) }

var factorial = process.Func("factorial", func(_ context.Context, x int64) (*big.Int, error) {
	return compute(x), nil
}, process.Idempotent)

var pid = process.Func("pid", func(context.Context, struct{}) (int, error) {
	return os.Getpid(), nil
})

func main() {
	process.Main()
	flag.Parse()
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	start := time.Now()
	parallel, err := inPool(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%d processes: %.1f seconds\n", *workers, time.Since(start).Seconds())

	start = time.Now()
	var serial []*big.Int
	for x := range numbers {
		serial = append(serial, compute(x))
	}
	fmt.Printf("one by one: %.1f seconds\n", time.Since(start).Seconds())

	for x := range numbers {
		if parallel[x].Cmp(serial[x]) != 0 {
			return fmt.Errorf("the factorials of %d differ", x)
		}
	}
	fmt.Println("the same", len(serial), "factorials")
	return nil
}

func inPool(ctx context.Context) (results []*big.Int, err error) {
	pool, err := process.NewPool(ctx, &process.PoolOptions{Workers: *workers})
	if err != nil {
		return nil, err
	}
	victim, err := workerOf(ctx, pool)
	if err != nil {
		return nil, err
	}
	for y, err := range factorial.Map(ctx, pool, numbers) {
		if err != nil {
			return nil, err
		}
		results = append(results, y)
		if *kill && len(results) == int(*n/2) {
			fmt.Println("killing a worker")
			if err := victim.Kill(); err != nil {
				return nil, err
			}
		}
	}
	return results, pool.Close()
}

// workerOf returns the worker that answers first.
func workerOf(ctx context.Context, pool *process.Pool) (*os.Process, error) {
	id, err := pid.Call(ctx, pool, struct{}{})
	if err != nil {
		return nil, err
	}
	return os.FindProcess(id)
}

// numbers is range(n).
var numbers iter.Seq[int64] = func(yield func(int64) bool) {
	for x := range *n {
		if !yield(x) {
			return
		}
	}
}
