package shm_test

import (
	"fmt"
	"log"
	"os"

	"github.com/isthmus-go/isthmus/shm"
)

func ExampleInspect() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	opts := &shm.Options{Dir: dir}

	seg, err := shm.Create("orders", 1<<16, opts)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Close()
	mu, err := shm.NewLock(seg, "mu")
	if err != nil {
		log.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()

	// Any other process can look at the segment, whatever those that use it do.
	info, err := shm.Inspect("orders", opts)
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range info.Objects {
		fmt.Printf("%s %q, %d bytes\n", o.Kind, o.Name, o.Size)
		if s, ok := o.State.(*shm.LockState); ok && s.Owner != nil {
			fmt.Println("its owner is alive:", s.Owner.Alive)
		}
	}
	// Output:
	// lock "mu", 128 bytes
	// its owner is alive: true
}
