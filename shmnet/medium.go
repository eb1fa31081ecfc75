package shmnet

import (
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// medium is what a connection has its memory and its news of from.
type medium struct {
	gone   atomic.Bool  // the peer has died, or has closed its side
	fence  wait.Fence   // of those who sleep
	probe  func()       // looks whether the peer has died; whoever sleeps calls it now and then
	doubts bool         // nobody else calls probe
	check  func() error // says whether the memory has become another's, after a look at it
}

func unchanged() error { return nil }

// fence is the sleeper's side of the fence. All connections over sockets have the same.
type fence struct{}

func (fence) Barrier() bool { arch.Fence(); return true }

// Census tells of the deaths that the sockets do not: see process.
func (fence) Census(age time.Duration) uint64 { return census(age) }
