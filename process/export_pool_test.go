package process

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/shm"
)

// Steps of a worker, see worker.go.
const (
	StepTaken  = int(stepTaken)
	StepBegun  = int(stepBegun)
	StepRan    = int(stepRan)
	StepSent   = int(stepSent)
	StepAcked  = int(stepAcked)
	StepAsking = int(stepAsking)
)

// AtStep makes f what is called between the steps of this process, a worker.
func AtStep(f func(s int)) { atStep = func(s step) { f(int(s)) } }

// SetFirstPause makes pauses short until the end of the test.
func SetFirstPause(t *testing.T) {
	firstPause = time.Millisecond
	t.Cleanup(func() { firstPause = defaultFirstPause })
}

// SetRestPoll is how often this process, a worker, looks at the queue while it rests.
func SetRestPoll(d time.Duration) { restPoll = d }

// InWorker reports whether this process was made by Start.
func InWorker() bool { return self != nil }

func makeParcels(n int) []atomic.Pointer[parcel] { return make([]atomic.Pointer[parcel], n) }
func makeLinks(n int) []atomic.Pointer[link]     { return make([]atomic.Pointer[link], n) }

// SetNamed has pools use segments with names until the end of the test, as where there are no
// others.
func SetNamed(t *testing.T) {
	anonymous = func(int64, *shm.Options) (*shm.Segment, error) { return nil, errors.ErrUnsupported }
	t.Cleanup(func() { anonymous = shm.Anonymous })
}

// Linked reports whether orders for a worker are kept.
func Linked(p *Pool, worker int) bool { return p.links[worker].Load() != nil }

// SetSerials makes n the last serial of each gate.
func SetSerials(p *Pool, n uint32) {
	for i := range p.serials {
		p.serials[i] = n
	}
}

// ReceiveLate has what a worker sends read when it has ended, until the end of the test.
func ReceiveLate(t *testing.T) {
	beforeReceive = func(ctx context.Context) { <-ctx.Done() }
	t.Cleanup(func() { beforeReceive = func(context.Context) {} })
}

// Gobs is a *gobs.
type Gobs[T any] struct{ *gobs[T] }

func NewGobs[T any]() Gobs[T] { return Gobs[T]{newGobs[T]()} }

func (g Gobs[T]) Append(b []byte, v *T) ([]byte, error) { return g.append(b, v) }
func (g Gobs[T]) Decode(b []byte) (T, error)            { return g.decode(b) }

// Kept reports whether encoders are kept.
func (g Gobs[T]) Kept() bool { return g.keep }

// Whole is whole.
func Whole(t reflect.Type) error { return whole(t) }
