package ring_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A subscriber that is too slow is told how many messages it has missed.
func ExampleBroadcast() {
	ctx := context.Background()
	seg, err := shm.Create("ticks", 1<<16, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer shm.Remove("ticks", nil)
	defer seg.Close()
	ticks, err := ring.NewBroadcast[int](seg, "ticks", 8)
	if err != nil {
		log.Fatal(err)
	}
	// Each receiving process subscribes, and each subscriber gets all messages.
	receiver, err := ticks.Subscribe(ring.FromNow)
	if err != nil {
		log.Fatal(err)
	}
	sender, err := ticks.Producer() // in one process
	if err != nil {
		log.Fatal(err)
	}
	for i := range 12 {
		if err := sender.Push(ctx, i); err != nil { // never waits
			log.Fatal(err)
		}
	}
	sender.Close()

	for tick, err := range receiver.All(ctx) {
		var lapped *ring.LappedError
		switch {
		case errors.As(err, &lapped):
			fmt.Println("missed", lapped.Missed)
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(tick)
		}
	}
	// Output:
	// missed 4
	// 4
	// 5
	// 6
	// 7
	// 8
	// 9
	// 10
	// 11
}
