package shm_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/isthmus-go/isthmus/shm"
)

func init() { roles["ExampleWaitGroup"] = ExampleWaitGroup }

// A parent waits for what its children do. Each child takes its count over, so that the
// parent would be told if it died.
func ExampleWaitGroup() {
	seg, err := shm.OpenOrCreate("children", 1<<16, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Close()
	total, err1 := shm.NewValue[int64](seg, "total")
	wg, err2 := shm.NewWaitGroup(seg, "wg", shm.ReportDead)
	if err := errors.Join(err1, err2); err != nil {
		log.Fatal(err)
	}

	if os.Getenv("ROLE") != "" { // one of the children
		if wg.Take(1) {
			defer wg.Done()
			shm.Add(total, 1)
		}
		return
	}

	defer shm.Remove("children", nil)
	wg.Add(3)
	ended := make(chan bool)
	go func() {
		defer close(ended)
		runAll(childOf("ExampleWaitGroup"), childOf("ExampleWaitGroup"), childOf("ExampleWaitGroup"))
	}()
	if err := wg.WaitContext(context.Background()); err != nil {
		log.Fatal(err) // errors.Is(err, shm.ErrOwnerDied): a child has died
	}
	fmt.Println(total.Load())
	<-ended
	// Output: 3
}
