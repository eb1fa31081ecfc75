// Queue puts the names of cars into a queue, and gets them in another process.
//
// In Python:
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
// What is better here: Close says that there is no more, and the loop that gets ends by itself. In
// Python, empty() is not reliable. Nothing is pickled, and no thread feeds a pipe.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// carsIn finds the queue in a segment, or makes it. It is one of bytes, since strings
// have no fixed size.
func carsIn(seg *shm.Segment) (*ring.BytesMPMC, error) {
	return ring.NewBytesMPMC(seg, "cars", 1024)
}

var get = process.Register("get", func(ctx context.Context, _ struct{}) error {
	seg, err := process.Segment(0, nil)
	if err != nil {
		return err
	}
	defer seg.Close()
	q, err := carsIn(seg)
	if err != nil {
		return err
	}
	fmt.Println("popping items from queue:")
	cnt := 0
	for car, err := range q.All(ctx) { // until the queue is closed, and empty
		if err != nil {
			return err
		}
		fmt.Println("item no:", cnt, string(car))
		cnt++
	}
	return nil
})

func main() {
	process.Main()
	if err := put(context.Background(), []string{"Audi", "BMW", "Ferrari", "Volvo"}); err != nil {
		log.Fatal(err)
	}
}

func put(ctx context.Context, cars []string) error {
	name := fmt.Sprintf("queue-%d", os.Getpid())
	seg, err := shm.Create(name, 1<<16, nil)
	if err != nil {
		return err
	}
	defer shm.Remove(name, nil)
	defer seg.Close()
	q, err := carsIn(seg)
	if err != nil {
		return err
	}
	fmt.Println("pushing items to queue:")
	cnt := 1
	for _, car := range cars {
		fmt.Println("item no:", cnt, car)
		if err := q.Push(ctx, []byte(car)); err != nil {
			return err
		}
		cnt++
	}
	if err := q.Close(); err != nil {
		return err
	}
	p, err := process.Start(ctx, get, struct{}{}, &process.Options{Segments: []*shm.Segment{seg}})
	if err != nil {
		return err
	}
	return p.Wait()
}
