package main

import (
	"errors"
	"io"
	"net"
	"testing"
)

func TestChallenge(t *testing.T) {
	for _, test := range []struct {
		a, b string
		ok   bool
	}{{"key", "key", true}, {"key", "other", false}, {"", "key", false}} {
		a, b := net.Pipe()
		errs := make(chan error)
		go func() { errs <- challenge(a, []byte(test.a)) }()
		go func() { errs <- challenge(b, []byte(test.b)) }()
		for range 2 {
			if err := <-errs; test.ok && err != nil || !test.ok && !errors.Is(err, errAuth) {
				t.Errorf("%q and %q: %v", test.a, test.b, err)
			}
		}
	}
}

// TestReflection sends all back: that proves nothing.
func TestReflection(t *testing.T) {
	a, b := net.Pipe()
	go io.Copy(b, b)
	if err := challenge(a, []byte("key")); !errors.Is(err, errAuth) {
		t.Error(err)
	}
	a.Close()
}
