//go:build !plan9

package nats

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/shm"
)

// Deaf returns a source whose bridge ends before it releases anything.
func Deaf(s *Source) *Source {
	d := *s
	d.release = func() error { return errors.New("no release") }
	return &d
}

// Stepped returns a source that calls step before and after it lends, and before and after it
// releases.
func (s *Source) Stepped(step func()) *Source {
	d := *s
	d.next = func(ctx context.Context, wait bool) (item, error) {
		step()
		it, err := s.next(ctx, wait)
		step()
		return it, err
	}
	d.release = func() error {
		step()
		err := s.release()
		step()
		return err
	}
	return &d
}

// Stepped returns a sink that calls step before a push, and after it.
func (s *Sink) Stepped(before, after func()) *Sink {
	d := *s
	d.push = func(ctx context.Context, data []byte) error {
		before()
		err := s.push(ctx, data)
		after()
		return err
	}
	return &d
}

// Passed returns what tells how far the bridges of a ring have come, if its positions rise.
func Passed(s *shm.Segment, name string) (func() uint64, error) {
	v, err := shm.NewValue[sent](s, name+".bridge")
	return func() uint64 { return v.Load().Next }, err
}

// DeadLetter sends a message to the dead letters.
var DeadLetter = deadLetter
