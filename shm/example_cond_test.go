package shm_test

import (
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/isthmus-go/isthmus/shm"
)

func init() { roles["ExampleCond"] = ExampleCond }

// Two processes buy for what a third one earns. Each waits until there is enough for it.
func ExampleCond() {
	seg, err := shm.OpenOrCreate("wages", 1<<16, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Close()
	lock, err1 := shm.NewLock(seg, "lock")
	money, err2 := shm.NewValue[int64](seg, "money") // protected by lock
	if err := errors.Join(err1, err2); err != nil {
		log.Fatal(err)
	}
	earned, err := shm.NewCond(seg, "earned", lock)
	if err != nil {
		log.Fatal(err)
	}

	if os.Getenv("ROLE") != "" { // one of the children
		for range 3 {
			lock.Lock()
			for money.Load() < 5 {
				earned.Wait()
			}
			shm.Add(money, -5)
			lock.Unlock()
		}
		return
	}

	defer shm.Remove("wages", nil)
	go func() {
		for range 31 {
			lock.Lock()
			shm.Add(money, 1)
			lock.Unlock()
			earned.Broadcast()
		}
	}()
	runAll(childOf("ExampleCond"), childOf("ExampleCond"))
	lock.Lock()
	for money.Load() < 1 {
		earned.Wait()
	}
	fmt.Println(money.Load())
	lock.Unlock()
	// Output: 1
}
