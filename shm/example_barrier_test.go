package shm_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/isthmus-go/isthmus/shm"
)

func init() { roles["ExampleBarrier"] = ExampleBarrier }

// Three processes work in rounds: none begins a round before all have ended the one before.
func ExampleBarrier() {
	seg, err := shm.OpenOrCreate("rounds", 1<<16, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Close()
	total, err1 := shm.NewValue[int64](seg, "total")
	rounds, err2 := shm.NewValue[int64](seg, "rounds")
	barrier, err3 := shm.NewBarrier(seg, "barrier", 3)
	if err := errors.Join(err1, err2, err3); err != nil {
		log.Fatal(err)
	}

	if os.Getenv("ROLE") != "" { // one of the children
		for range 10 {
			shm.Add(total, 1)
			leader, err := barrier.Wait(context.Background())
			if err != nil {
				log.Fatal(err) // errors.Is(err, shm.ErrBroken): another has died
			}
			if leader {
				shm.Add(rounds, 1)
			}
		}
		return
	}

	defer shm.Remove("rounds", nil)
	runAll(childOf("ExampleBarrier"), childOf("ExampleBarrier"), childOf("ExampleBarrier"))
	fmt.Println(total.Load(), rounds.Load())
	// Output: 30 10
}
