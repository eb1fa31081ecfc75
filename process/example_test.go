package process_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/isthmus-go/isthmus/process"
)

// divide is registered in every process of the program.
var divide = process.Register("divide", func(_ context.Context, x [2]int) error {
	fmt.Println(x[0], "/", x[1], "=", x[0]/x[1])
	return nil
})

// The test binary of this example calls process.Main in TestMain, as a program does it
// first in main.
func Example() {
	ctx := context.Background()
	for _, x := range [][2]int{{42, 6}, {42, 0}} {
		p, err := process.Start(ctx, divide, x, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		var e *process.ExitError
		if errors.As(p.Wait(), &e) { // Stderr has the trace
			fmt.Printf("%s: %v\n", e.Name, e.State)
		}
	}
	// Output:
	// 42 / 6 = 7
	// divide: exit status 2
}
