package layout

import "fmt"

// Kind says what an object is.
type Kind uint32

// The numbers are part of the file format.
const (
	KindValue Kind = iota + 1
	KindArray
	KindLock
	KindSemaphore
	KindSPSC
	KindMPMC
	KindBytes
	KindTable
	KindBytesMPMC
	KindRWLock
	KindEvent
	KindWaitGroup
	KindOnce
	KindRecursiveLock
	KindBarrier
	KindBroadcast
	KindWorkQueue
	KindCond
	KindPipe
)

var kindNames = [...]string{
	0:             "object",
	KindValue:     "value",
	KindArray:     "array",
	KindLock:      "lock",
	KindSemaphore: "semaphore",
	KindSPSC:      "SPSC ring",
	KindMPMC:      "MPMC ring",
	KindBytes:     "byte ring",
	KindTable:     "table",
	KindBytesMPMC: "MPMC byte ring",

	KindRWLock:    "rwlock",
	KindEvent:     "event",
	KindWaitGroup: "wait group",
	KindOnce:      "once",
	KindBroadcast: "broadcast ring",
	KindWorkQueue: "work queue",

	KindRecursiveLock: "recursive lock",
	KindBarrier:       "barrier",
	KindCond:          "cond",
	KindPipe:          "pipe",
}

// String returns the kind as error messages name it.
func (k Kind) String() string {
	if int64(k) >= int64(len(kindNames)) {
		return fmt.Sprintf("object of kind %d", uint32(k))
	}
	return kindNames[k]
}
