package shm_test

import (
	"context"
	"fmt"
	"log"

	"github.com/isthmus-go/isthmus/shm"
)

// A supervisor watches who comes and goes, and stops when nobody else is left.
func ExampleSegment_WatchPeers() {
	seg, err := shm.Create("watched", 1<<16, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Close()
	defer shm.Remove("watched", nil)

	worker, err := shm.Open("watched", nil) // in truth another process
	if err != nil {
		log.Fatal(err)
	}
	workers := 0
	for e, err := range seg.WatchPeers(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		if e.Self {
			continue
		}
		fmt.Println("a worker has", e.Change)
		switch e.Change {
		case shm.PeerJoined:
			workers++
			worker.Close()
		case shm.PeerLeft, shm.PeerDied: // start another, if it died
			workers--
		}
		if workers == 0 {
			break
		}
	}
	// Output:
	// a worker has joined
	// a worker has left
}
