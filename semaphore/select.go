package semaphore

import (
	"fmt"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/shm"
)

// AcquireCase returns a case for [shm.Select] that takes n permits. Like Acquire, it never
// takes place if n is larger than the semaphore's size. It ends with an error at once if n
// is negative.
func (s *Semaphore) AcquireCase(n int64) shm.Case {
	try := func() bool {
		return n < 0 || n <= s.size && s.acquire(n, false, forbearing) || s.core.Closed()
	}
	return wait.NewCase(s.queue.Behind(), try, func() { s.queue.DropStale(); s.reclaim() }, func() error {
		if n < 0 {
			return s.ref.Fault(fmt.Errorf("acquire %d permits: %w", n, ErrPermits))
		}
		if s.core.Closed() {
			return s.ref.Check()
		}
		s.edge.Acquire()
		return nil
	}).Beginning(func() {
		if n > 1 {
			atomic.StoreUint32(&s.mem.weighty, 1)
		}
	})
}
