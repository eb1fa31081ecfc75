// Cubes computes cubes on each core: in goroutines, and in processes.
//
// In Python:
//
//	def calc_cube():
//	    print("function is executed on pid: {}".format(os.getpid()))
//	    for i in range(0, 1000000):
//	        i ** 3
//
//	threads = [threading.Thread(target=calc_cube) for i in range(num_cores)]
//	processes = [Process(target=calc_cube) for i in range(num_cores)]
//
// What is different here: goroutines run on all cores, as Python's threads do not. So they are
// faster than processes. What a process is for is isolation: its end, whatever it is, is not
// that of the program.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/isthmus-go/isthmus/process"
)

// calcCube is just some time-consuming function.
func calcCube(n uint64) {
	fmt.Println("function is executed on pid:", os.Getpid())
	var sum uint64
	for i := range n {
		sum += i * i * i
	}
	runtime.KeepAlive(sum)
}

var cubes = process.Register("cubes", func(_ context.Context, n uint64) error {
	calcCube(n)
	return nil
})

func main() {
	process.Main()
	n := flag.Uint64("n", 100_000_000, "compute the cubes of the numbers below `n`")
	flag.Parse()

	fmt.Println("pid of parent process:", os.Getpid())
	start := time.Now()
	inGoroutines(*n)
	fmt.Println("time taken:", time.Since(start))

	fmt.Println("pid of parent process:", os.Getpid())
	start = time.Now()
	if err := inProcesses(context.Background(), *n); err != nil {
		log.Fatal(err)
	}
	fmt.Println("time taken:", time.Since(start))
}

func inGoroutines(n uint64) {
	var running sync.WaitGroup
	for i := range runtime.NumCPU() {
		fmt.Println("creating goroutine", i)
		running.Go(func() { calcCube(n) })
	}
	running.Wait()
}

func inProcesses(ctx context.Context, n uint64) (err error) {
	var started []*process.Process
	for i := range runtime.NumCPU() {
		fmt.Println("creating process", i)
		p, startErr := process.Start(ctx, cubes, n, nil)
		if startErr != nil {
			err = startErr
			break
		}
		started = append(started, p)
	}
	for _, p := range started {
		err = errors.Join(err, p.Wait())
	}
	return err
}
