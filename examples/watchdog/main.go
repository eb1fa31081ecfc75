// Watchdog computes factorials while another process prints that the program is alive, every
// five seconds.
//
// In Python:
//
//	def watchdog():
//	    while True:
//	        print("heartbeat")
//	        time.sleep(5)
//
//	p = Process(target=watchdog)
//	p.start()
//	results = [math.factorial(x) for x in range(12000)]
//	p.terminate()
//	p.join()
//
// What is better here: Terminate cancels a context, so that the function ends where it likes, and is
// followed by a Kill if it does not end. As a Daemon, the watchdog ends even if this process is
// killed by SIGKILL; Python's goes on forever.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math/big"
	"time"

	"github.com/isthmus-go/isthmus/process"
)

var watchdog = process.Register("watchdog", func(ctx context.Context, every time.Duration) error {
	for {
		fmt.Println("heartbeat")
		select {
		case <-time.After(every):
		case <-ctx.Done(): // Terminate was called
			return nil
		}
	}
})

func main() {
	process.Main()
	n := flag.Int64("n", 12000, "compute the factorials of the numbers below `n`")
	every := flag.Duration("every", 5*time.Second, "the time between heartbeats")
	flag.Parse()

	p, err := process.Start(context.Background(), watchdog, *every, &process.Options{Daemon: true})
	if err != nil {
		log.Fatal(err)
	}
	var results []*big.Int
	for x := range *n {
		results = append(results, new(big.Int).MulRange(1, x))
	}
	fmt.Println(len(results), "factorials")

	p.Terminate() // if it has ended already, Wait says why
	if err := p.Wait(); err != nil {
		log.Fatal(err)
	}
}
