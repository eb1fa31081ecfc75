package nats

import (
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrTooLarge means that a message is over a limit of the server, and there is no dead-letter
	// subject. It is still in the ring.
	ErrTooLarge = errors.New("message over the limit")
	// ErrType means that a message is of another type, and there is no dead-letter subject. It is
	// not acknowledged.
	ErrType = errors.New("message of another type")
	// ErrConsumer means that a JetStream consumer is set so that messages could be lost.
	ErrConsumer = errors.New("consumer does not suit")
	// ErrLength means that the length of a message is not that of its type.
	ErrLength = errors.New("message of another length")
)

// Options of Forward and Receive. The zero value is good.
type Options struct {
	// Window is how many messages may be under way: published and not acknowledged by the server,
	// or delivered and not yet pushed. 0 is 512. Forward has one under way to a replicated stream.
	Window int
	// AckWait is how long Forward waits for a PubAck before it publishes again, and Receive for an
	// answer before it asks again. 0 is 5 s.
	AckWait time.Duration
	// RetryWait is the pause between attempts while the server is gone or full. 0 is 100 ms.
	RetryWait time.Duration
	// DeadLetter is a subject in a stream, for what cannot go on. It gets the payload, and the
	// reason in a header. If it is empty, Forward and Receive return an error instead.
	DeadLetter string
	// JetStream publishes the dead letters of Receive.
	JetStream jetstream.JetStream
	// Metrics, if not nil, counts.
	Metrics *Metrics
	// OnRetry, if not nil, is told why something is tried again.
	OnRetry func(error)
}

// filled returns the options with defaults.
func (o *Options) filled() Options {
	var f Options
	if o != nil {
		f = *o
	}
	if f.Window <= 0 {
		f.Window = 512
	}
	if f.AckWait <= 0 {
		f.AckWait = 5 * time.Second
	}
	if f.RetryWait <= 0 {
		f.RetryWait = 100 * time.Millisecond
	}
	if f.Metrics == nil {
		f.Metrics = new(Metrics)
	}
	return f
}

// retry tells of an attempt that failed.
func (o *Options) retry(err error) {
	o.Metrics.Retries.Add(1)
	if o.OnRetry != nil {
		o.OnRetry(err)
	}
}

// Metrics are counts that only rise. It is an expvar.Var.
type Metrics struct {
	Passed      atomic.Uint64 // messages that the far side has
	Bytes       atomic.Uint64 // of their payload
	Repeated    atomic.Uint64 // seen again, and not passed twice
	Missed      atomic.Uint64 // of a Broadcast: lapped
	Retries     atomic.Uint64 // attempts that failed
	DeadLetters atomic.Uint64
	UnderWay    atomic.Int64 // now; the only one that falls
}

// String returns them as JSON.
func (m *Metrics) String() string {
	b, _ := json.Marshal(map[string]any{
		"Passed": m.Passed.Load(), "Bytes": m.Bytes.Load(), "Repeated": m.Repeated.Load(), "Missed": m.Missed.Load(),
		"Retries": m.Retries.Load(), "DeadLetters": m.DeadLetters.Load(), "UnderWay": m.UnderWay.Load(),
	})
	return string(b)
}
