//go:build !plan9

package nats

import "errors"

// Deaf returns a source whose bridge ends before it releases anything.
func Deaf(s *Source) *Source {
	d := *s
	d.release = func() error { return errors.New("no release") }
	return &d
}
