package process_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/process"
)

type order struct {
	Name  string
	Parts map[string][]float64
	Next  *order
	Any   any
}

var echoes = process.Register("echoes", func(_ context.Context, o order) error {
	return fmt.Errorf("%v %v %v %v", o.Name, o.Parts, o.Next.Name, o.Any)
})

var empty = process.Register("any", func(_ context.Context, x any) error { return fmt.Errorf("%T %v", x, x) })

func TestArgument(t *testing.T) {
	o := order{"first", map[string][]float64{"a": {1, 2.5}}, &order{Name: "second"}, 7}
	if e := exit(t, start(t, echoes, o, nil)); e.Err != "first map[a:[1 2.5]] second 7" {
		t.Errorf("the argument came as %q", e.Err)
	}
	if e := exit(t, start(t, empty, any("text"), nil)); e.Err != "string text" {
		t.Errorf("the argument came as %q", e.Err)
	}
}

var hashes = process.Register("hashes", func(_ context.Context, b []byte) error {
	sum := sha256.Sum256(b)
	return errors.New(hex.EncodeToString(sum[:]))
})

// TestLargeArgument shows that an argument may be larger than a pipe.
func TestLargeArgument(t *testing.T) {
	b := make([]byte, 10<<20)
	for i := range b {
		b[i] = byte(i * i >> 8)
	}
	sum := sha256.Sum256(b)
	p := start(t, hashes, b, nil)
	clear(b) // it is the caller's again
	if e := exit(t, p); e.Err != hex.EncodeToString(sum[:]) {
		t.Errorf("another argument has arrived: %v", e)
	}
}

var (
	takesChan    = process.Register("takes a channel", func(context.Context, chan int) error { return nil })
	takesFunc    = process.Register("takes a field", func(context.Context, struct{ F func() }) error { return nil })
	takesPointer = process.Register("takes a pointer", func(context.Context, *int) error { return nil })
	takesHidden  = process.Register("takes hidden fields", func(context.Context, struct{ x int }) error { return nil })
)

// TestNotEncodable shows that nothing is started for an argument that cannot be passed.
func TestNotEncodable(t *testing.T) {
	opts := notStarted(t)
	_, err1 := process.Start(t.Context(), takesChan, make(chan int), opts)
	_, err2 := process.Start(t.Context(), takesFunc, struct{ F func() }{}, opts)
	_, err3 := process.Start(t.Context(), takesPointer, nil, opts)
	_, err4 := process.Start(t.Context(), takesHidden, struct{ x int }{1}, opts)
	_, err5 := process.Start(t.Context(), empty, any(secret{1}), opts)
	for i, err := range []error{err1, err2, err3, err4, err5} {
		if err == nil || !strings.Contains(err.Error(), "argument: gob") {
			t.Errorf("error %d is %v", i+1, err)
		}
	}
}

type secret struct{ X int }
