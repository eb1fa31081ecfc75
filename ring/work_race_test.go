package ring_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

// TestWorkHandOver has goroutines hand heap memory to each other by its number: by Put and
// Get, by Nack and the next Get, by Ack and the next Put in its room, and by Ack and Join.
// The race detector must see that it is handed over.
func TestWorkHandOver(t *testing.T) {
	q := newWork(t, newSegment(t), "hand over", 4)
	const jobs = 500
	memory := make([]int, jobs)
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range uint64(jobs) {
			memory[n] = 1
			if err := q.Put(background, n); err != nil {
				t.Error(err)
			}
		}
		if err := q.Join(background); err != nil {
			t.Error(err)
		}
		for n, v := range memory {
			if v != 3 {
				t.Errorf("job %d was done %d times", n, v-1)
			}
		}
		proctest.Check(t, q.Close())
	})
	for range 2 {
		wg.Go(func() {
			for task, err := range q.All(background) {
				if err != nil {
					t.Error(err)
					return
				}
				memory[*task.Value()]++
				end := task.Ack
				if task.Deliveries() == 1 {
					end = task.Nack
				}
				if err := end(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// TestWorkGivenBack hands heap memory from a worker to another that waits, by a Nack.
func TestWorkGivenBack(t *testing.T) {
	q := newWork(t, newSegment(t), "given back", 4)
	put(t, q, 1)
	task := expectTask(t, q, 1, 1)
	memory := 0
	got := proctest.Go(func() error {
		task, err := q.Get(background)
		n := memory // before anything else that may order it
		if err != nil || n != 7 {
			return fmt.Errorf("%d in memory, after %v", n, err)
		}
		return task.Ack()
	})
	memory = 7
	nacked := task.Nack()
	proctest.Check(t, proctest.Result(t, got))
	proctest.Check(t, nacked)
}
