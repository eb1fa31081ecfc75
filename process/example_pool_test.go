package process_test

import (
	"context"
	"fmt"
	"log"
	"slices"

	"github.com/isthmus-go/isthmus/process"
)

// half is a task. It may be run again if its worker dies.
var half = process.Func("half", func(_ context.Context, x int) (float64, error) {
	if x < 0 {
		return 0, fmt.Errorf("%d is negative", x)
	}
	return float64(x) / 2, nil
}, process.Idempotent)

// The program calls process.Main first in main. (Here, TestMain does.)
func ExamplePool() {
	ctx := context.Background()
	pool, err := process.NewPool(ctx, &process.PoolOptions{Workers: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	fmt.Println(half.Call(ctx, pool, 5))

	later := half.Go(ctx, pool, 7)
	fmt.Println(later.Wait(ctx))

	for v, err := range half.Map(ctx, pool, slices.Values([]int{1, -2, 3})) {
		fmt.Println(v, err)
	}
	// Output:
	// 2.5 <nil>
	// 3.5 <nil>
	// 0.5 <nil>
	// 0 isthmus: task "half": -2 is negative
	// 1.5 <nil>
}
