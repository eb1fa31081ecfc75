package ring_test

import (
	"context"
	"fmt"
	"log"
	"sync"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A worker pops orders until it is told to stop: by an Event, from whatever process.
func Example_select() {
	ctx := context.Background()
	seg, err := shm.OpenOrCreate("selection", 1<<16, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer shm.Remove("selection", nil)
	defer seg.Close()
	orders, err := ring.NewMPMC[int](seg, "orders", 16)
	if err != nil {
		log.Fatal(err)
	}
	stop, err := shm.NewEvent(seg, "stop")
	if err != nil {
		log.Fatal(err)
	}

	done := make(chan struct{})
	var client sync.WaitGroup
	defer client.Wait() // it uses the segment
	client.Go(func() {
		for n := range 3 {
			if err := orders.Push(ctx, n); err != nil {
				log.Fatal(err)
			}
			<-done
		}
		stop.Set()
	})

	var order int
	cases := []shm.Case{orders.PopCase(&order), stop.WaitCase()}
	for {
		i, err := shm.Select(ctx, cases...)
		if err != nil {
			log.Fatal(err)
		}
		if i == 1 {
			fmt.Println("stopped")
			return
		}
		fmt.Println("order", order)
		done <- struct{}{}
	}
	// Output:
	// order 0
	// order 1
	// order 2
	// stopped
}
