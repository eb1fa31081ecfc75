package ring_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// The program starts itself once more, as a producer that crashes. The consumer gets all
// that the producer has pushed, and is then told.
func ExampleFailOnDeath() {
	if os.Getenv("ROLE") == "crash" {
		seg, err := shm.Open("readings", nil)
		if err != nil {
			log.Fatal(err)
		}
		readings, err := ring.NewMPMC[int](seg, "readings", 8)
		if err != nil {
			log.Fatal(err)
		}
		for i := range 3 {
			if err := readings.Push(context.Background(), i); err != nil {
				log.Fatal(err)
			}
		}
		os.Exit(1)
	}

	seg, err := shm.Create("readings", 1<<16, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Close()
	defer shm.Remove("readings", nil)
	readings, err := ring.NewMPMC[int](seg, "readings", 8, ring.FailOnDeath)
	if err != nil {
		log.Fatal(err)
	}
	producer := exec.Command(os.Args[0])
	producer.Env = append(os.Environ(), "ROLE=crash")
	producer.Stderr = os.Stderr
	if err := producer.Run(); err == nil {
		log.Fatal("the producer did not crash")
	}
	for r, err := range readings.All(context.Background()) {
		if errors.Is(err, ring.ErrPeerDied) {
			fmt.Println("the producer died")
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r)
	}
	// Output:
	// 0
	// 1
	// 2
	// the producer died
}
