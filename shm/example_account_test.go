package shm_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/isthmus-go/isthmus/shm"
)

// One process deposits, one withdraws, and what the account says in the end is
// what it said in the beginning.
func ExampleLock_account() {
	seg, err := shm.OpenOrCreate("bank", 1<<16, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Close()
	balance, err1 := shm.NewValue[int64](seg, "balance")
	mu, err2 := shm.NewLock(seg, "balance lock")
	if err := errors.Join(err1, err2); err != nil {
		log.Fatal(err)
	}

	if amount := map[string]int64{"depositor": +1, "withdrawer": -1}[os.Getenv("ROLE")]; amount != 0 {
		for range 1000 {
			mu.Lock()
			balance.Store(balance.Load() + amount)
			mu.Unlock()
		}
		return
	}

	defer shm.Remove("bank", nil)
	runAll(childOf("depositor"), childOf("withdrawer"))
	fmt.Println("balance:", balance.Load())
	// Output: balance: 0
}

// runAll runs commands at the same time.
func runAll(cmds ...*exec.Cmd) {
	for _, cmd := range cmds {
		if err := cmd.Start(); err != nil {
			log.Fatal(err)
		}
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			log.Fatal(err)
		}
	}
}
