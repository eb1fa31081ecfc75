package shm_test

import (
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/isthmus-go/isthmus/shm"
)

// Four processes add to one total, a hundred thousand times each. The lock keeps
// each reading and the writing that follows it together.
func ExampleLock() {
	seg, err := shm.OpenOrCreate("adders", 1<<16, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Close()
	total, err1 := shm.NewValue[int64](seg, "total")
	mu, err2 := shm.NewLock(seg, "mu")
	if err := errors.Join(err1, err2); err != nil {
		log.Fatal(err)
	}

	if os.Getenv("ROLE") != "" { // one of the children
		for range 100_000 {
			mu.Lock()
			total.Store(total.Load() + 1)
			mu.Unlock()
		}
		return
	}

	defer shm.Remove("adders", nil)
	runAll(childOf("ExampleLock"), childOf("ExampleLock"), childOf("ExampleLock"), childOf("ExampleLock"))
	fmt.Println(total.Load())
	// Output: 400000
}
