// Queue passes squares from a child to its parent through a queue, and then the names of cars
// from one function to another.
//
// In Python:
//
//	def calc_square_q(input_arr, q):
//	    for num in input_arr:
//	        q.put(num ** 2)
//
//	q = Queue()
//	p = Process(target=calc_square_q, args=(range(10), q))
//	p.start()
//	p.join()
//	while not q.empty():
//	    print(q.get(), end=" ")
//
//	cnt = 1
//	for car in cars:
//	    print("item no: ", cnt, " ", car)
//	    queue.put(car)
//	    cnt += 1
//	cnt = 0
//	while not queue.empty():
//	    print("item no: ", cnt, " ", queue.get())
//	    cnt += 1
//
// What is better here: a queue is closed, and the loop that reads it ends when all was read. In
// Python, empty() is not reliable, and join() before get() hangs when the queue holds more
// than a pipe does. Nothing is pickled, and no thread feeds a pipe.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

const capacity = 1024 // messages, or bytes of messages

// squares runs in the child. The queue is in the first segment that it was given.
var squares = process.Register("squares", func(ctx context.Context, numbers []int64) error {
	seg, err := process.Segment(0, nil)
	if err != nil {
		return err
	}
	defer seg.Close()
	q, err := ring.NewMPMC[int64](seg, "squares", capacity)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if err := q.Push(ctx, n*n); err != nil {
			return err
		}
	}
	return nil
})

func main() {
	process.Main()
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	name := fmt.Sprintf("queue-%d", os.Getpid())
	seg, err := shm.Create(name, 1<<16, nil)
	if err != nil {
		return err
	}
	defer shm.Remove(name, nil)
	defer seg.Close()
	return errors.Join(printSquares(ctx, seg), printCars(ctx, seg))
}

func printSquares(ctx context.Context, seg *shm.Segment) error {
	q, err := ring.NewMPMC[int64](seg, "squares", capacity)
	if err != nil {
		return err
	}
	numbers := []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	p, err := process.Start(ctx, squares, numbers, &process.Options{Segments: []*shm.Segment{seg}})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(p.Wait(), q.Close()) }() // however it has ended
	for square, err := range q.All(ctx) {
		if err != nil {
			return err
		}
		fmt.Print(square, " ")
	}
	fmt.Println()
	return <-ended
}

// printCars needs a queue of bytes, since strings have no fixed size.
func printCars(ctx context.Context, seg *shm.Segment) error {
	q, err := ring.NewBytesMPMC(seg, "cars", capacity)
	if err != nil {
		return err
	}
	fmt.Println("pushing items to queue:")
	for i, car := range []string{"Audi", "BMW", "Ferrari", "Volvo"} {
		fmt.Println("item no:", i+1, car)
		if err := q.Push(ctx, []byte(car)); err != nil {
			return err
		}
	}
	if err := q.Close(); err != nil { // there will be no more
		return err
	}
	fmt.Println("popping items from queue:")
	cnt := 0
	for car, err := range q.All(ctx) {
		if err != nil {
			return err
		}
		fmt.Println("item no:", cnt, string(car))
		cnt++
	}
	return nil
}
