// Squares hands numbers from one process to another through shared memory.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

func main() {
	ctx := context.Background()

	// Both processes run the same lines: whoever comes first makes things.
	seg, err := shm.OpenOrCreate("squares", 1<<20, nil)
	check(err)
	defer seg.Close()
	q, err := ring.NewMPMC[int64](seg, "numbers", 1024)
	check(err)

	if len(os.Args) > 1 { // the child produces
		for i := range int64(10) {
			check(q.Push(ctx, i*i))
		}
		check(q.Close())
		return
	}

	defer shm.Remove("squares", nil)
	self, err := os.Executable()
	check(err)
	child := exec.Command(self, "produce")
	check(child.Start())
	for v := range q.All(ctx) { // the parent consumes, until Close
		fmt.Println(v)
	}
	check(child.Wait())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
