package process_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

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
	takesHidden  = process.Register("takes hidden fields", func(context.Context, hidden) error { return nil })
	takesDeep    = process.Register("takes what has hidden fields", func(context.Context, map[string][]*hidden) error { return nil })
	takesPointer = process.Register("takes a pointer", func(_ context.Context, p *int) error { return fmt.Errorf("nil: %v", p == nil) })
	takesPlain   = process.Register("takes plain", func(_ context.Context, p struct{ x, y int }) error { return fmt.Errorf("%d %d", p.x, p.y) })
	takesTime    = process.Register("takes time", func(_ context.Context, t []time.Time) error { return errors.New(t[0].UTC().String()) })
)

type hidden struct {
	x int
	S []int
}

// TestNotEncodable shows that nothing is started for an argument that cannot be passed whole.
func TestNotEncodable(t *testing.T) {
	opts := notStarted(t)
	_, err1 := process.Start(t.Context(), takesChan, make(chan int), opts)
	_, err2 := process.Start(t.Context(), takesFunc, struct{ F func() }{}, opts)
	_, err3 := process.Start(t.Context(), takesHidden, hidden{x: 1}, opts)
	_, err4 := process.Start(t.Context(), takesDeep, map[string][]*hidden{"a": {{x: 1}}}, opts)
	_, err5 := process.Start(t.Context(), empty, any(secret{1}), opts)
	for i, err := range []error{err1, err2, err3, err4, err5} {
		if !errors.Is(err, process.ErrEncoding) || !strings.Contains(err.Error(), "argument of type") {
			t.Errorf("error %d is %v", i+1, err)
		}
	}
	if text := fmt.Sprint(err4); !strings.Contains(text, "field x of type process_test.hidden is not exported") {
		t.Errorf("the error does not name the field: %s", text)
	}
}

// TestPassedWhole shows arguments that gob would not pass, or that encode themselves.
func TestPassedWhole(t *testing.T) {
	if e := exit(t, start(t, takesPointer, nil, nil)); e.Err != "nil: true" {
		t.Errorf("a nil pointer came so: %v", e)
	}
	if e := exit(t, start(t, takesPlain, struct{ x, y int }{1, 2}, nil)); e.Err != "1 2" {
		t.Errorf("fields that are not exported came so: %v", e)
	}
	now := time.Unix(1, 2)
	if e := exit(t, start(t, takesTime, []time.Time{now}, nil)); e.Err != now.UTC().String() {
		t.Errorf("a time came so: %v", e)
	}
}

type secret struct{ X int }
