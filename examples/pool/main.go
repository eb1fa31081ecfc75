// Pool squares numbers in a pool of worker processes, one for each core.
//
// In Python:
//
//	def square(x):
//	    print("PID {} is processing input {}".format(os.getpid(), x))
//	    return x ** 2
//
//	p = Pool(processes=num_cores)
//	result = p.map(square, range(6))
//	print(result)
//
// What is better here: arguments and results have types. A worker that dies is an error of
// the task that it ran, and another takes its place; in Python, map never returns.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"runtime"
	"slices"

	"github.com/isthmus-go/isthmus/process"
)

var square = process.Func("square", func(_ context.Context, x int) (int, error) {
	fmt.Printf("PID %d is processing input %d\n", os.Getpid(), x)
	return x * x, nil
})

func main() {
	process.Main() // the workers are processes of this program, and run their tasks here
	ctx := context.Background()
	fmt.Println(runtime.NumCPU(), "cores available")
	pool, err := process.NewPool(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	var squares []int
	for y, err := range square.Map(ctx, pool, slices.Values([]int{0, 1, 2, 3, 4, 5})) {
		if err != nil {
			log.Fatal(err)
		}
		squares = append(squares, y)
	}
	if err := pool.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(squares)
}
