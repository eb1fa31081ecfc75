package process

import "github.com/isthmus-go/isthmus/shm"

// A gate is a word in shared memory for each task that may be outstanding. It says whether
// the task, or an element of a chunk of tasks, has begun, and by whom. So it is the place
// where a task begins, is recalled or is found lost, each by one atomic step.
//
//	serial 32 bits | begun | retired | 0 0 | worker 12 bits | index 16 bits
//
// The serial is another one for each time that the gate is used, so that what is in the
// queue of an earlier use passes no gate.
type gate uint64

const (
	serialShift = 32
	begunBit    = 1 << 31
	retiredBit  = 1 << 30
	workerShift = 16
	workerMask  = 1<<12 - 1
	indexMask   = 1<<16 - 1

	maxWorkers = 500 // each has two attachments of a segment while it is replaced
)

func waiting(serial uint32) gate { return gate(serial) << serialShift }
func retired(serial uint32) gate { return waiting(serial) | retiredBit }
func begun(serial uint32, worker, index int) gate {
	return waiting(serial) | begunBit | gate(worker&workerMask)<<workerShift | gate(index&indexMask)
}

func (g gate) serial() uint32 { return uint32(g >> serialShift) }
func (g gate) index() int     { return int(g & indexMask) }

// by reports whether a worker has begun what the gate is for.
func (g gate) by(worker int) bool { return g&begunBit != 0 && g.worker() == worker }
func (g gate) worker() int        { return int(g >> workerShift & workerMask) }

// gates are those of a pool.
type gates struct{ words *shm.Array[uint64] }

func (g gates) load(i uint32) gate     { return gate(g.words.Load(int(i))) }
func (g gates) store(i uint32, w gate) { g.words.Store(int(i), uint64(w)) }
func (g gates) retire(i, serial uint32) (old gate) {
	return gate(shm.SwapAt(g.words, int(i), uint64(retired(serial))))
}
func (g gates) swap(i uint32, old, w gate) bool {
	return shm.CompareAndSwapAt(g.words, int(i), uint64(old), uint64(w))
}

// slotRoom is how many bytes of arguments a slot takes: with it, one of the queue is 256 bytes.
const slotRoom = 200

// A slot is what the queue brings to a worker: a task, or a chunk of them.
type slot struct {
	gate, serial uint32
	task         uint64 // see taskID
	first, count uint16 // the elements to run are those from first to count - 1
	length       uint32 // of the payload, or large
	timed        uint32 // 1 if it is wanted how long the chunk takes
	_            uint32
	payload      [slotRoom]byte
}

// large is the length of a payload that the worker has to ask for.
const large = 1<<32 - 1

// ticket names a use of a gate.
type ticket struct{ gate, serial uint32 }
