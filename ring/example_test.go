package ring_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// The program starts itself twice more, as consumers. All three run the same
// lines to get at the ring; one puts squares in it, the others take them out.
func Example() {
	ctx := context.Background()
	seg, err := shm.OpenOrCreate("squares", 1<<16, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Close()
	squares, err := ring.NewMPMC[int](seg, "squares", 4)
	if err != nil {
		log.Fatal(err)
	}

	if os.Getenv("ROLE") == "consumer" {
		last := -1
		for square, err := range squares.All(ctx) { // until the ring is closed and empty
			if err != nil {
				log.Fatal(err)
			}
			if square <= last {
				log.Fatalf("%d came after %d", square, last)
			}
			last = square
			fmt.Println(square)
		}
		return
	}

	defer shm.Remove("squares", nil)
	var consumers [2]*exec.Cmd
	for i := range consumers {
		consumers[i] = exec.Command(os.Args[0])
		consumers[i].Env = append(os.Environ(), "ROLE=consumer")
		consumers[i].Stdout, consumers[i].Stderr = os.Stdout, os.Stderr
		if err := consumers[i].Start(); err != nil {
			log.Fatal(err)
		}
	}
	for i := range 10 {
		if err := squares.Push(ctx, i*i); err != nil {
			log.Fatal(err)
		}
	}
	squares.Close()
	for _, c := range consumers {
		if err := c.Wait(); err != nil {
			log.Fatal(err)
		}
	}
	// Unordered output:
	// 0
	// 1
	// 4
	// 9
	// 16
	// 25
	// 36
	// 49
	// 64
	// 81
}
