package main

import (
	"errors"
	"testing"
)

// A process that fails ends the row.
func TestEachTimeStopsAtAnError(t *testing.T) {
	bad := errors.New("bad")
	calls := 0
	loop, err := eachTime(func() error {
		if calls++; calls == 3 {
			return bad
		}
		return nil
	})(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := loop(0, 2); err != nil || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
	if err := loop(2, 2); err != bad || calls != 3 {
		t.Errorf("%d calls, %v; want %v", calls, err, bad)
	}
}
