package process

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// shared is a segment that a pool shares with workers: anonymous, where there is such a
// thing, or else of a random name.
type shared struct {
	*shm.Segment
	name string // or ""
}

// anonymous is another function in tests of the other case.
var anonymous = shm.Anonymous

func newShared(size int64, procs int) (*shared, error) {
	opts := &shm.Options{MaxProcs: procs, MaxObjects: 8}
	name := ""
	s, err := anonymous(size, opts)
	if errors.Is(err, errors.ErrUnsupported) {
		name = fmt.Sprintf("isthmus-pool-%d-%s", os.Getpid(), rand.Text())
		s, err = shm.Create(name, size, opts)
	}
	if err != nil {
		return nil, err
	}
	segment.Of(s).Symmetric() // workers sleep often, and a task takes longer than a fence
	return &shared{s, name}, nil
}

func (s *shared) close() {
	if s.name != "" {
		shm.Remove(s.name, nil)
	}
	s.Close()
}

// The names of the objects in the segment of all workers.
const (
	queueName = "tasks"
	gatesName = "gates"
	dutyName  = "duty"
)

// slots returns how many slots the queue has for that many gates: some are those of tasks that
// were given up, or are not acknowledged yet.
func slots(gates int) int { return 2 * gates }

// A hall is what the parent and all workers share.
type hall struct {
	tasks *ring.WorkQueue[slot]
	gates gates
	duty  duty
}

func hallSize(queue, workers int) int64 {
	return ring.WorkQueueSize[slot](slots(queue)) + int64(queue+dutyWords(workers))*8 + 1024
}

func openHall(s *shm.Segment, queue, workers int) (h hall, err error) {
	h.duty.workers = workers
	if h.tasks, err = ring.NewWorkQueue[slot](s, queueName, slots(queue)); err != nil {
		return h, err
	}
	if h.gates.words, err = shm.NewArray[uint64](s, gatesName, queue); err != nil {
		return h, err
	}
	h.duty.words, err = shm.NewArray[uint64](s, dutyName, dutyWords(workers))
	return h, err
}
