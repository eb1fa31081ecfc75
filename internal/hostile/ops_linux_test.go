package hostile

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
	"github.com/isthmus-go/isthmus/shmnet"
)

// An operation works on one object. Its argument is any byte.
type operation struct {
	name string
	do   func(h *handles, arg byte) error

	// An endless operation takes no context, and waits while an owner lives. It
	// returns once the segment says again what it said at first.
	endless bool
}

// operations are those of each kind of object, which exists.
var operations map[string][]operation

func init() {
	operations = map[string][]operation{
		"value": {
			{name: "Load", do: func(h *handles, arg byte) error { h.value.Load(); return nil }},
			{name: "Store", do: func(h *handles, arg byte) error { h.value.Store(int64(arg)); return nil }},
			{name: "Add", do: func(h *handles, arg byte) error { shm.Add(h.value, int64(arg)); return nil }},
			{name: "Update", do: func(h *handles, arg byte) error { h.value.Update(func(x int64) int64 { return x + 1 }); return nil }},
			{name: "Wait", do: func(h *handles, arg byte) error {
				return brief(arg, func(ctx context.Context) error { return waitFor(ctx, h.value) })
			}},
		},
		"large": {
			{name: "Load", do: func(h *handles, arg byte) error { h.large.Load(); return nil }},
			{name: "Store", endless: true, do: func(h *handles, arg byte) error { h.large.Store([5]int64{int64(arg)}); return nil }},
			{name: "Swap", endless: true, do: func(h *handles, arg byte) error { h.large.Swap([5]int64{int64(arg)}); return nil }},
			{name: "CompareAndSwap", endless: true, do: func(h *handles, arg byte) error {
				h.large.CompareAndSwap([5]int64{int64(arg)}, [5]int64{int64(arg) + 1})
				return nil
			}},
			{name: "Update", endless: true, do: func(h *handles, arg byte) error {
				h.large.Update(func(x [5]int64) [5]int64 { x[4]++; return x })
				return nil
			}},
			{name: "Wait", do: func(h *handles, arg byte) error {
				return brief(arg, func(ctx context.Context) error { return waitFor(ctx, h.large) })
			}},
		},
		"table": {
			{name: "Load", do: func(h *handles, arg byte) error { h.table.Load(int(arg) % 17); return nil }},
			{name: "Store", endless: true, do: func(h *handles, arg byte) error { h.table.Store(int(arg)%17, [2]uint64{1}); return nil }},
			{name: "Swap", endless: true, do: func(h *handles, arg byte) error { h.table.Swap(int(arg)%17, [2]uint64{2}); return nil }},
			{name: "Update", endless: true, do: func(h *handles, arg byte) error {
				h.table.Update(int(arg)%17, func(x [2]uint64) [2]uint64 { x[1]++; return x })
				return nil
			}},
			{name: "Wait", do: func(h *handles, arg byte) error {
				return brief(arg, func(ctx context.Context) error {
					_, version := h.table.LoadVersion(int(arg) % 17)
					_, _, err := h.table.Wait(ctx, int(arg)%17, version)
					return err
				})
			}},
		},
		"array": {
			{name: "Load", do: func(h *handles, arg byte) error { h.array.Load(int(arg) % 100); return nil }},
			{name: "Store", do: func(h *handles, arg byte) error { h.array.Store(int(arg)%100, 7); return nil }},
			{name: "AddAt", do: func(h *handles, arg byte) error { shm.AddAt(h.array, int(arg)%100, 1); return nil }},
			{name: "CompareAndSwapAt", do: func(h *handles, arg byte) error { shm.CompareAndSwapAt(h.array, int(arg)%100, 0, 1); return nil }},
			{name: "CopyIn", do: func(h *handles, arg byte) error { h.array.CopyIn(int(arg)%100, make([]uint16, 9)); return nil }},
			{name: "View", do: func(h *handles, arg byte) error { h.array.View()[99] = 1; return nil }},
		},
		"odd": {
			{name: "Load", do: func(h *handles, arg byte) error { h.odd.Load(int(arg) % 9); return nil }},
			{name: "Store", do: func(h *handles, arg byte) error { h.odd.Store(int(arg)%9, [3]uint32{1}); return nil }},
			{name: "CopyOut", do: func(h *handles, arg byte) error { h.odd.CopyOut(int(arg)%9, make([][3]uint32, 9)); return nil }},
		},
		"lock": {
			{name: "TryLock", do: func(h *handles, arg byte) error { h.lock.TryLock(); return nil }},
			{name: "Lock", endless: true, do: func(h *handles, arg byte) error { h.lock.Lock(); return nil }},
			{name: "LockContext", do: func(h *handles, arg byte) error {
				return brief(arg, func(ctx context.Context) error { return h.lock.LockContext(ctx) })
			}},
			{name: "Unlock", do: func(h *handles, arg byte) error { h.lock.Unlock(); return nil }},
			{name: "MarkConsistent", do: func(h *handles, arg byte) error { h.lock.MarkConsistent(); return nil }},
		},
		"rwlock": {
			{name: "TryLock", do: func(h *handles, arg byte) error { h.rwlock.TryLock(); return nil }},
			{name: "Lock", endless: true, do: func(h *handles, arg byte) error { h.rwlock.Lock(); return nil }},
			{name: "LockContext", do: func(h *handles, arg byte) error {
				return brief(arg, func(ctx context.Context) error { return h.rwlock.LockContext(ctx) })
			}},
			{name: "Unlock", do: func(h *handles, arg byte) error { h.rwlock.Unlock(); return nil }},
			{name: "MarkConsistent", do: func(h *handles, arg byte) error { h.rwlock.MarkConsistent(); return nil }},
			{name: "TryRLock", do: func(h *handles, arg byte) error { h.rwlock.TryRLock(); return nil }},
			{name: "RLock", endless: true, do: func(h *handles, arg byte) error { h.rwlock.RLock(); return nil }},
			{name: "RLockContext", do: func(h *handles, arg byte) error {
				return brief(arg, func(ctx context.Context) error { return h.rwlock.RLockContext(ctx) })
			}},
			{name: "RUnlock", do: func(h *handles, arg byte) error { h.rwlock.RUnlock(); return nil }},
		},
		"semaphore": semaphoreOperations(func(h *handles) *semaphore.Semaphore { return h.sem }),
		"signal":    semaphoreOperations(func(h *handles) *semaphore.Semaphore { return h.signal }),
		"spsc":      spscOperations,
		"mpmc":      mpmcOperations,
		"bytes":     bytesOperations,
		"wide":      wideOperations,
		"segment":   {{name: "open", endless: true, do: openAgain}, {name: "RemoveObject", endless: true, do: removeObject}},
		"filler":    {{name: "nothing", do: func(*handles, byte) error { return nil }}},
	}
}

func semaphoreOperations(of func(h *handles) *semaphore.Semaphore) []operation {
	return []operation{
		{name: "TryAcquire", do: func(h *handles, arg byte) error { of(h).TryAcquire(int64(arg % 4)); return nil }},
		{name: "Acquire", do: func(h *handles, arg byte) error {
			return brief(arg, func(ctx context.Context) error { return of(h).Acquire(ctx, int64(arg%5)) })
		}},
		{name: "Release", endless: true, do: func(h *handles, arg byte) error { of(h).Release(int64(arg % 4)); return nil }},
		{name: "Value", do: func(h *handles, arg byte) error { of(h).Value(); return nil }},
	}
}

// waitFor waits for another version of a value.
func waitFor[T any](ctx context.Context, v *shm.Value[T]) error {
	_, version := v.LoadVersion()
	_, _, err := v.Wait(ctx, version)
	return err
}

// openAgain finds an object, or makes it if the directory says that there is none,
// and uses it where it is now said to be.
func openAgain(h *handles, arg byte) error {
	kind := kinds[int(arg/4)%len(kinds)]
	again := &handles{seg: h.seg}
	if err := again.open(kind); err != nil {
		return err
	}
	again.claim(kind)
	for _, op := range operations[kind] {
		if err := op.do(again, 1); !isDocumented(err) {
			return err
		}
	}
	return nil
}

// removeObject removes an object, if the directory says that nobody uses it.
func removeObject(h *handles, arg byte) error {
	return h.seg.RemoveObject(kinds[int(arg)%len(kinds)])
}

// brief calls a function with a context that has ended, or is going to end soon.
func brief(arg byte, f func(ctx context.Context) error) error {
	if arg%64 != 0 {
		return f(over)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(arg)*time.Microsecond)
	defer cancel()
	return f(ctx)
}

var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// documented are the errors that the operations may return, whatever the bytes
// are.
var documented = []error{
	ring.ErrFull, ring.ErrEmpty, ring.ErrClosed, ring.ErrRoleTaken, ring.ErrDetached,
	ring.ErrNotReserved, ring.ErrTooLarge, ring.ErrLapped, ring.ErrEvicted, ring.ErrCorrupt,
	shm.ErrOwnerDied, shm.ErrBroken, shm.ErrMismatch, shm.ErrNoRoom, shm.ErrInUse, fs.ErrNotExist,
	context.Canceled, context.DeadlineExceeded,
	io.EOF, os.ErrDeadlineExceeded, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE, shmnet.ErrTaken,
}

func isDocumented(err error) bool {
	for _, d := range documented {
		if errors.Is(err, d) {
			return true
		}
	}
	return err == nil
}

// misuses are what an operation without an error panics with if this process does
// not have what it gives back: the segment says so, be it true or not.
var misuses = []string{
	"negative WaitGroup counter", "more than 2147483647 counts",
	"Unlock of a Lock that this process does not hold",
	"MarkConsistent of a Lock that this process does not hold",
	"Unlock of an RWLock that this process does not hold for writing",
	"MarkConsistent of an RWLock that this process does not hold for writing",
	"Unlock of a RecursiveLock that token",
	"MarkConsistent of a RecursiveLock that token",
	"RUnlock of an RWLock that this process does not hold for reading",
	"permits, more than held",
}
