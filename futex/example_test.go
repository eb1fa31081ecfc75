package futex_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/futex"
)

// A mutex is made of one word: 0 is free, 1 is held, 2 is held and somebody may be
// waiting. It is the third one of Ulrich Drepper's paper "Futexes Are Tricky". In
// shared memory it would serve several processes as well.
type mutex struct{ word uint32 }

func (m *mutex) lock(ctx context.Context) error {
	if atomic.CompareAndSwapUint32(&m.word, 0, 1) {
		return nil
	}
	for atomic.SwapUint32(&m.word, 2) != 0 {
		if err := futex.Wait(ctx, &m.word, 2); err != nil {
			return err
		}
	}
	return nil
}

func (m *mutex) unlock() {
	if atomic.SwapUint32(&m.word, 0) == 2 {
		futex.Wake(&m.word, 1)
	}
}

func Example_mutex() {
	var (
		m   mutex
		sum int
		wg  sync.WaitGroup
	)
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				if err := m.lock(context.Background()); err != nil {
					fmt.Println(err)
					return
				}
				sum++
				m.unlock()
			}
		})
	}
	wg.Wait()
	fmt.Println(sum)
	// Output: 4000
}

func ExampleWait() {
	var ready uint32
	go func() {
		atomic.StoreUint32(&ready, 1)
		futex.Wake(&ready, 1)
	}()
	for atomic.LoadUint32(&ready) == 0 {
		if err := futex.Wait(context.Background(), &ready, 0); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println("ready")
	// Output: ready
}

func ExampleWaitUntil() {
	var word uint32
	deadline := time.Now().Add(10 * time.Millisecond) // once, not in the loop
	for atomic.LoadUint32(&word) == 0 {
		err := futex.WaitUntil(context.Background(), &word, 0, deadline)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			fmt.Println("nobody came")
			return
		}
	}
	// Output: nobody came
}

func ExampleWaitAny() {
	var orders, stop uint32
	go func() {
		atomic.StoreUint32(&stop, 1)
		futex.Wake(&stop, 1)
	}()
	i, err := futex.WaitAny(context.Background(), []futex.Word{
		{Addr: &orders, Old: 0},
		{Addr: &stop, Old: 0},
	})
	fmt.Println(i, err)
	// Output: 1 <nil>
}
