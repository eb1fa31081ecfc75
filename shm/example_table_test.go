package shm_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/isthmus-go/isthmus/shm"
)

// quote is an entry of the example's table: too large for an atomic word, and yet
// never seen half written.
type quote struct {
	Bid, Ask float64
	Trades   int64
}

// The child publishes quotes, and the parent waits for those of one instrument.
func ExampleTable() {
	seg, err := shm.OpenOrCreate("quotes", 1<<16, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Close()
	quotes, err := shm.NewTable[quote](seg, "quotes", 100)
	if err != nil {
		log.Fatal(err)
	}

	if os.Getenv("ROLE") != "" { // the child
		for i := range quotes.Len() {
			quotes.Store(i, quote{float64(i), float64(i) + 0.5, 0})
		}
		quotes.Update(42, func(q quote) quote { q.Trades++; return q })
		return
	}

	defer shm.Remove("quotes", nil)
	child := childOf("ExampleTable")
	if err := child.Start(); err != nil {
		log.Fatal(err)
	}
	var q quote
	for version := uint64(0); version < 2; {
		q, version, err = quotes.Wait(context.Background(), 42, version)
		if err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(q.Bid, q.Ask, q.Trades)
	if err := child.Wait(); err != nil {
		log.Fatal(err)
	}
	// Output: 42 42.5 1
}
