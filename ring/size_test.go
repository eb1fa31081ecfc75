package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// TestSizes makes a segment for exactly what is then made in it.
func TestSizes(t *testing.T) {
	type large [33]byte
	type described struct { // by more than fits beside its name
		AVeryLongNameOfAField, AnotherVeryLongNameOfAField, AndYetAnotherVeryLongNameOfAField uint64
	}
	opts := &shm.Options{MaxProcs: 5, MaxObjects: 32}
	signalling := &semaphore.Options{Signalling: true}
	size := ring.SPSCSize[large](5) + ring.MPMCSize[uint32](100) + ring.BytesSize(1) + ring.BytesSize(1000) +
		ring.BytesMPMCSize(1) + ring.BytesMPMCSize(5000) + ring.WorkQueueSize[large](5) + ring.WorkQueueSize[described](4) +
		semaphore.Size(opts.MaxProcs, nil) + semaphore.Size(opts.MaxProcs, signalling) +
		shm.LockSize + shm.ValueSize[int16]() + shm.ValueSize[large]() + shm.ArraySize[large](7) +
		ring.SPSCSize[described](4) + ring.MPMCSize[described](4) + shm.ValueSize[described]() +
		shm.ArraySize[described](16) + shm.TableSize[described](3)
	size += ring.BroadcastSize[large](5) + ring.BroadcastSize[uint16](9, ring.Lossless)
	const page = 4096
	filler := (size+page-1)/page*page - size
	proctest.Dir(t)
	s := proctest.Must(shm.Create("sizes", size, opts))(t)
	defer s.Close()
	defer shm.Remove("sizes", nil)
	proctest.Must(ring.NewSPSC[large](s, "spsc", 5))(t)
	proctest.Must(ring.NewMPMC[uint32](s, "mpmc", 100))(t)
	proctest.Must(ring.NewBytes(s, "least", 1))(t)
	proctest.Must(ring.NewBytes(s, "bytes", 1000))(t)
	proctest.Must(ring.NewBytesMPMC(s, "least of many", 1))(t)
	proctest.Must(ring.NewBytesMPMC(s, "of many", 5000))(t)
	proctest.Must(semaphore.New(s, "sem", 2, nil))(t)
	proctest.Must(semaphore.New(s, "signals", 2, signalling))(t)
	proctest.Must(shm.NewLock(s, "lock"))(t)
	proctest.Must(shm.NewValue[int16](s, "small"))(t)
	proctest.Must(shm.NewValue[large](s, "large"))(t)
	proctest.Must(shm.NewArray[large](s, "array", 7))(t)
	proctest.Must(ring.NewSPSC[described](s, "described spsc", 4))(t)
	proctest.Must(ring.NewMPMC[described](s, "described mpmc", 4))(t)
	proctest.Must(shm.NewValue[described](s, "described value"))(t)
	proctest.Must(shm.NewArray[described](s, "described array", 16))(t)
	proctest.Must(shm.NewTable[described](s, "described table", 3))(t)
	proctest.Must(ring.NewWorkQueue[large](s, "work", 5))(t)
	proctest.Must(ring.NewWorkQueue[described](s, "described work", 4))(t)
	proctest.Must(ring.NewBroadcast[large](s, "lossy", 5))(t)
	proctest.Must(ring.NewBroadcast[uint16](s, "lossless", 9, ring.Lossless))(t)
	if filler > 0 {
		proctest.Must(shm.NewArray[byte](s, "filler", int(filler)))(t)
	}
	_, err := shm.NewArray[byte](s, "more", 1)
	proctest.WantError(t, "one byte more", err, shm.ErrNoRoom)

	for what, size := range map[string]int64{
		"SPSC": ring.SPSCSize[int](0), "MPMC": ring.MPMCSize[int](-1), "Bytes": ring.BytesSize(1<<30 + 1),
		"BytesMPMC": ring.BytesMPMCSize(0), "WorkQueue": ring.WorkQueueSize[int](0) + ring.WorkQueueSize[string](1),
		"Broadcast": ring.BroadcastSize[int](0) + ring.BroadcastSize[string](1, ring.Lossless),
		"slots":     ring.MPMCSize[[1 << 20]byte](1 << 30), "array": shm.ArraySize[int](0),
		"not plain": shm.ValueSize[string]() + ring.SPSCSize[*int](3),
	} {
		if size != 0 {
			t.Errorf("%s of an impossible size takes %d bytes", what, size)
		}
	}
}
