package shm_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/isthmus-go/isthmus/shm"
)

// The program starts itself once more as its child. Both run the same lines to
// get at the shared objects; the child sets them, and the parent reads them.
func Example() {
	seg, err := shm.OpenOrCreate("squares", 1<<16, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Close()
	pi, err1 := shm.NewValue[float64](seg, "pi")
	squares, err2 := shm.NewArray[int](seg, "squares", 10)
	if err := errors.Join(err1, err2); err != nil {
		log.Fatal(err)
	}

	if os.Getenv("ROLE") != "" { // the child
		pi.Store(3.14)
		for i := range squares.Len() {
			squares.Store(i, i*i)
		}
		return
	}

	defer shm.Remove("squares", nil)
	if err := childOf("Example").Run(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(pi.Load())
	for i, square := range squares.All() {
		fmt.Print(i, "²=", square, " ")
	}
	// Output:
	// 3.14
	// 0²=0 1²=1 2²=4 3²=9 4²=16 5²=25 6²=36 7²=49 8²=64 9²=81
}

// childOf returns the command that runs this program again, in another role.
func childOf(role string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ROLE="+role)
	cmd.Stderr = os.Stderr
	return cmd
}
