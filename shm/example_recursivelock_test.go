package shm_test

import (
	"fmt"
	"log"

	"github.com/isthmus-go/isthmus/shm"
)

// Two functions lock for themselves, and one calls the other. Whoever calls them passes on
// the token that it goes by.
func ExampleRecursiveLock() {
	seg, err := shm.OpenOrCreate("stock", 1<<16, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer shm.Remove("stock", nil)
	defer seg.Close()
	mu, err := shm.NewRecursiveLock(seg, "mu")
	if err != nil {
		log.Fatal(err)
	}
	stock := map[string]int{}

	add := func(token uint32, item string, n int) {
		mu.Lock(token)
		defer mu.Unlock(token)
		stock[item] += n
	}
	move := func(token uint32, from, to string, n int) {
		mu.Lock(token)
		defer mu.Unlock(token)
		add(token, from, -n)
		add(token, to, n)
	}
	const clerk = 1 // of this process
	add(clerk, "apples", 5)
	move(clerk, "apples", "pears", 2)
	fmt.Println(stock, mu.Count(clerk))
	// Output: map[apples:3 pears:2] 0
}
