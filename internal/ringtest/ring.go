package ringtest

import (
	"context"
	"iter"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A Kind makes a ring of a kind, or opens it. The capacity is in messages, of bytes in
// some of them.
type Kind func(s *shm.Segment, name string, capacity int, opts ...ring.Option) (Ring, error)

// A Ring is a ring of any kind.
type Ring interface {
	Producer() (Producer, error)
	Consumer() (Consumer, error)
	Len() int
	Cap() int
	ProducerAlive() bool
	ConsumerAlive() bool

	// Mask is what a message holds of its number.
	Mask() uint64
	// Roles reports whether the ends are roles, which one process holds at a time. If
	// not, every reservation counts until it is committed or cancelled.
	Roles() bool
	// Slotted reports whether the capacity is in messages.
	Slotted() bool
	// Handle returns the ring itself, such as a *ring.Bytes.
	Handle() any
}

// A Producer is the end of a ring where messages are pushed.
type Producer interface {
	TryPush(n uint64) error
	Push(ctx context.Context, n uint64) error
	SelectPush(ctx context.Context, n uint64, others ...shm.Case) error
	PushAll(ctx context.Context, from, to uint64) (int, error) // of from to to-1
	TryReserve(n uint64) (Reserved, error)                     // and write n
	Reserve(ctx context.Context, n uint64) (Reserved, error)
	Close() error
	Detach() error
	Handle() any // such as a *ring.BytesProducer
}

// A Consumer is the end where they are popped.
type Consumer interface {
	TryPop() (uint64, error)
	Pop(ctx context.Context) (uint64, error)
	SelectPop(ctx context.Context, others ...shm.Case) (uint64, error)
	PopInto(ctx context.Context, most int) ([]uint64, error)
	TryNext() (Lent, error)
	Next(ctx context.Context) (Lent, error)
	All(ctx context.Context) iter.Seq2[uint64, error]
	Detach() error
	Handle() any // such as a *ring.BytesConsumer
}

// Reserved is what a message was written to. There is no Cancel where a ring has none.
type Reserved struct{ Commit, Cancel func() error }

// Lent is a message that is read in place. One that is torn is lent, too.
type Lent struct {
	N          uint64
	Read       func() (uint64, error) // reads N once more
	Release    func() error
	Deliveries int // where they are counted
}

// Main has a kind of each ring, by its name.
var Main = []string{"SPSC", "MPMC", "Bytes", "BytesMPMC"}

// Kinds are the rings with messages of all sorts, by name.
var Kinds = map[string]Kind{
	"SPSC": SPSC(Words), "SPSC/1B": SPSC(octets), "SPSC/3B": SPSC(triples),
	"SPSC/40B": SPSC(Jobs), "SPSC/1KiB": SPSC(Pages), "SPSC/5001B": SPSC(odds),
	"MPMC": MPMC(Words), "MPMC/1B": MPMC(octets), "MPMC/3B": MPMC(triples),
	"MPMC/40B": MPMC(Jobs), "MPMC/1KiB": MPMC(Pages), "MPMC/5001B": MPMC(odds),
	"Bytes":     Bytes(32, func(n uint64, longest int) int { return 8 + int(n*7%uint64(min(100, longest)-7)) }),
	"BytesMPMC": BytesMPMC(128, func(n uint64, longest int) int { return 8 + int(n*37%uint64(min(300, longest)-7)) }),
}

// handle is what a ring does by itself.
type handle interface {
	Len() int
	Cap() int
	ProducerAlive() bool
	ConsumerAlive() bool
}
