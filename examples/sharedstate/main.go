// Sharedstate prints a Value and an Array that a child has written.
//
// In Python:
//
//	def ipc(input_arr, result_arr, val):
//	    val.value = 3.14
//	    for idx, num in enumerate(input_arr):
//	        result_arr[idx] = num ** 2
//
//	result = Array('i', 10)
//	val = Value('d', 0.0)
//	p = Process(target=ipc, args=(range(10), result, val))
//	p.start()
//	p.join()
//	print("Value:", val.value)
//	print("Array:", result[:])
//
// What is better here: a Value or an Array has elements of any plain type, also a struct. A Value
// is read without a lock and never half written, and Value.Wait waits for the next change. State of types
// that are not plain belongs into a server: see examples/manager.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/shm"
)

const n = 10

// state is what the two processes share.
type state struct {
	value *shm.Value[float64]
	array *shm.Array[int32]
}

// stateIn finds the state in a segment, or makes it.
func stateIn(seg *shm.Segment) (s state, err error) {
	if s.value, err = shm.NewValue[float64](seg, "value"); err != nil {
		return s, err
	}
	s.array, err = shm.NewArray[int32](seg, "array", n)
	return s, err
}

var ipc = process.Register("ipc", func(_ context.Context, input []int32) error {
	seg, err := process.Segment(0, nil)
	if err != nil {
		return err
	}
	defer seg.Close()
	s, err := stateIn(seg)
	if err != nil {
		return err
	}
	s.value.Store(3.14)
	for i, x := range input {
		s.array.Store(i, x*x)
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
	name := fmt.Sprintf("sharedstate-%d", os.Getpid())
	seg, err := shm.Create(name, 1<<16, nil)
	if err != nil {
		return err
	}
	defer shm.Remove(name, nil)
	defer seg.Close()
	s, err := stateIn(seg)
	if err != nil {
		return err
	}

	input := []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	p, err := process.Start(ctx, ipc, input, &process.Options{Segments: []*shm.Segment{seg}})
	if err != nil {
		return err
	}
	if err := p.Wait(); err != nil {
		return err
	}
	result := make([]int32, n)
	s.array.CopyOut(0, result)
	fmt.Println("Value:", s.value.Load())
	fmt.Println("Array:", result)
	return nil
}
