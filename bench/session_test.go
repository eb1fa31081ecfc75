package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

// What goes wrong in a row is that row's error, says what it was, and does
// not keep others from being measured.
func TestFailingRow(t *testing.T) {
	errWire := errors.New("no wire")
	good := mustFind(t, "roundtrip/chan/default/8")
	noWire, noPeer := good, good
	noWire.wire = func(row) (*wiring, error) { return nil, errWire }
	noPeer.System = "nosuch"
	for _, test := range []struct {
		bad  row
		want string
	}{
		{noWire, errWire.Error()},
		{noPeer, `no row "roundtrip/nosuch/default/8"`},
	} {
		var ok []result
		failed := 0
		err := measureAll(context.Background(), groups([]row{test.bad, good}), tiny, func(_ group, ms []*measurement) error {
			if err := ms[0].err; err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			ok, failed = succeeded(ms)
			return nil
		})
		if err != nil || failed != 1 || len(ok) != 1 || ok[0].System != "chan" {
			t.Errorf("measured %v, %v; want the good row", ok, err)
		}
	}
}

// A peer that cannot attach is an error, and ends the other one.
func TestPeersWithoutSegment(t *testing.T) {
	r := mustFind(t, "roundtrip/ring.SPSC/default/8")
	r.wire = func(row) (*wiring, error) {
		f, err := os.Open(os.DevNull) // no segment: attaching fails
		if err != nil {
			return nil, err
		}
		return &wiring{files: r.forAll(f)}, nil
	}
	if _, err := startSession(context.Background(), r); err == nil {
		t.Error("no error from peers without a segment")
	}
}

func TestEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out bytes.Buffer
	if code := benchMain(ctx, []string{"-json", "-run", "^roundtrip/chan/"}, &out); code != 1 || out.Len() > 0 {
		t.Errorf("exit code %d, output %q; want 1 and none", code, out.String())
	}
}

// mustStart starts the session of a row, and ends it with the test.
func mustStart(t *testing.T, name string) *session {
	t.Helper()
	s, err := startSession(context.Background(), mustFind(t, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}
