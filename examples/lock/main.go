// Lock changes a shared number in several processes, without a lock and with one: four
// processes that count to 400,000 together, and a bank account with as many deposits as
// withdrawals.
//
// In Python:
//
//	def increment(counter, lock):
//	    for _ in range(100000):
//	        with lock:
//	            counter.value += 1
//
//	def deposit(balance, lock):
//	    for i in range(1000):
//	        time.sleep(0.001)
//	        lock.acquire()
//	        balance.value = balance.value + 1
//	        lock.release()
//
// What is better here: the lock of a process that is killed goes to the next one, and LockContext says
// what has happened; in Python everybody waits forever. A Value is never half written. And
// it has Add, which needs no lock.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/shm"
)

// A Change is what one process does to the number.
type Change struct {
	Times int
	Delta int64
	Pause time.Duration // before each time
	How   string
}

const (
	unlocked = "without a lock"
	locked   = "with a lock"
	atomic   = "by Add"
)

var change = process.Register("change", func(_ context.Context, c Change) error {
	seg, err := process.Segment(0, nil)
	if err != nil {
		return err
	}
	defer seg.Close()
	number, err := shm.NewValue[int64](seg, "number")
	if err != nil {
		return err
	}
	mu, err := shm.NewLock(seg, "mu")
	if err != nil {
		return err
	}
	for range c.Times {
		time.Sleep(c.Pause)
		switch c.How {
		case unlocked: // what another process stores between the two is lost
			number.Store(number.Load() + c.Delta)
		case locked:
			mu.Lock()
			number.Store(number.Load() + c.Delta)
			mu.Unlock()
		case atomic:
			shm.Add(number, c.Delta)
		}
	}
	return nil
})

func main() {
	process.Main()
	increments := flag.Int("increments", 100_000, "increments of each of four processes")
	payments := flag.Int("payments", 1000, "deposits, and withdrawals")
	pause := flag.Duration("pause", time.Millisecond, "time before each payment")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt) // so that Ctrl-C leaves nothing
	defer stop()
	for _, how := range []string{unlocked, locked, atomic} {
		increment := Change{Times: *increments, Delta: 1, How: how}
		n, err := run(ctx, increment, increment, increment, increment)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("counter %s: %d\n", how, n)
	}
	for _, how := range []string{unlocked, locked} {
		fmt.Println("starting balance: 0")
		balance, err := run(ctx,
			Change{Times: *payments, Delta: +1, Pause: *pause, How: how},
			Change{Times: *payments, Delta: -1, Pause: *pause, How: how})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("end balance %s: %d\n", how, balance)
	}
}

// run makes changes to a number that is 0 at first, at the same time, and returns what it is
// after them.
func run(ctx context.Context, changes ...Change) (int64, error) {
	name := fmt.Sprintf("lock-%d", os.Getpid())
	seg, err := shm.Create(name, 1<<16, nil)
	if err != nil {
		return 0, err
	}
	defer shm.Remove(name, nil)
	defer seg.Close()
	number, err := shm.NewValue[int64](seg, "number")
	if err != nil {
		return 0, err
	}

	var started []*process.Process
	for _, c := range changes {
		p, startErr := process.Start(ctx, change, c, &process.Options{Segments: []*shm.Segment{seg}})
		if startErr != nil {
			err = startErr
			break
		}
		started = append(started, p)
	}
	for _, p := range started {
		err = errors.Join(err, p.Wait())
	}
	return number.Load(), err
}
