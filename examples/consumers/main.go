// Consumers has a producer, which enqueues a number every 0.2 seconds, and consumers, which need a
// second for each: first one, then two.
//
// In Python:
//
//	def producer(q):
//	    for i in range(10):
//	        q.put(i)
//	        print("produced", i)
//	        time.sleep(0.2)
//
//	def consumer(q):
//	    while True:
//	        print("consumed", q.get())
//	        time.sleep(1)
//
//	q = Queue()
//	Process(target=producer, args=(q,)).start()
//	Process(target=consumer, args=(q,)).start()
//
// What is better here: the queue has a capacity, so a producer that is too fast waits. The consumers end
// when the queue is closed and empty. A number stays in the queue until it is acknowledged: if a consumer
// is killed, another one gets it.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

const capacity = 4

// open opens the queue, in a child.
func open() (*shm.Segment, *ring.WorkQueue[int64], error) {
	seg, err := process.Segment(0, nil)
	if err != nil {
		return nil, nil, err
	}
	q, err := ring.NewWorkQueue[int64](seg, "numbers", capacity)
	return seg, q, err
}

type producerArgs struct {
	N     int64
	Pause time.Duration
}

var producer = process.Register("producer", func(ctx context.Context, a producerArgs) error {
	seg, q, err := open()
	if err != nil {
		return err
	}
	defer seg.Close()
	for i := range a.N {
		fmt.Println("produced", i)
		if err := q.Put(ctx, i); err != nil {
			return err
		}
		time.Sleep(a.Pause)
	}
	return q.Close()
})

type consumerArgs struct {
	Name  string
	Pause time.Duration
}

var consumer = process.Register("consumer", func(ctx context.Context, a consumerArgs) error {
	seg, q, err := open()
	if err != nil {
		return err
	}
	defer seg.Close()
	for task, err := range q.All(ctx) { // until the queue is closed, and empty
		if err != nil {
			return err
		}
		fmt.Println(a.Name, "consumed", *task.Value())
		time.Sleep(a.Pause)
		if err := task.Ack(); err != nil {
			return err
		}
	}
	return nil
})

func main() {
	process.Main()
	n := flag.Int64("n", 10, "produce `n` numbers")
	second := flag.Duration("second", time.Second, "how long a second is")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt) // so that Ctrl-C leaves nothing
	defer stop()
	for _, consumers := range [][]string{{"A"}, {"A", "B"}} {
		if err := run(ctx, *n, *second, consumers); err != nil {
			log.Fatal(err)
		}
	}
}

func run(ctx context.Context, n int64, second time.Duration, consumers []string) error {
	name := fmt.Sprintf("consumers-%d", os.Getpid())
	seg, err := shm.Create(name, 1<<16, nil)
	if err != nil {
		return err
	}
	defer shm.Remove(name, nil)
	defer seg.Close()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // terminates those that still run
	opts := &process.Options{Daemon: true, Segments: []*shm.Segment{seg}}
	p, err := process.Start(ctx, producer, producerArgs{n, second / 5}, opts)
	if err != nil {
		return err
	}
	started := []*process.Process{p}
	for _, c := range consumers {
		p, err := process.Start(ctx, consumer, consumerArgs{c, second}, opts)
		if err != nil {
			return err
		}
		started = append(started, p)
	}
	for _, p := range started {
		if err := p.Wait(); err != nil {
			return err
		}
	}
	return nil
}
