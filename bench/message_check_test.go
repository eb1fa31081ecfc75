package main

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestStampValues(t *testing.T) {
	var ms [3][32]uint64
	stampValues(ms[:], 7)
	if !stampedValues(ms[:], 7) || stampedValues(ms[:], 8) {
		t.Error("stampValues and stampedValues disagree")
	}
	for k := range ms {
		for i := 0; i < len(ms[k]); i += lineSize / 8 {
			ms[k][i]++
			if stampedValues(ms[:], 7) {
				t.Errorf("damage at word %d of message %d goes unseen", i, k)
			}
			ms[k][i]--
		}
	}
}

// joinHere returns the loops of both sides of r, in this process.
func joinHere(t *testing.T, r row) (send, receive loop) {
	t.Helper()
	w := &wiring{files: r.forAll()}
	if r.wire != nil {
		var err error
		if w, err = r.wire(r); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(w.close)
	var join joiner
	var loops [2]loop
	for side := range loops {
		// Sides that inherit the same attach once, as in a process that plays both.
		if side == 0 || !slices.Equal(w.files[side], w.files[0]) {
			var err error
			if join, err = r.attach(r, inherited{files: w.files[side], segment: w.segment}); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if loops[side], err = join(side); err != nil {
			t.Fatal(err)
		}
	}
	return loops[0], loops[1]
}

// In every system, a receiver notices that another message came than the next.
// Small messages and batches of them are all the code that there is.
func TestStreamsCheckTheirStamps(t *testing.T) {
	for _, r := range allRows() {
		if r.Workload != stream || r.command != nil || r.foreign != nil || r.long || r.Size*r.Batch > 16<<10 {
			continue
		}
		t.Run(r.name(), func(t *testing.T) {
			send, receive := joinHere(t, r)
			for i, test := range []struct {
				sent, expected uint64
				ok             bool
			}{{5, 5, true}, {5 + uint64(r.Batch), 6 + uint64(r.Batch), false}} {
				sent := make(chan error, 1)
				go func() { sent <- send(test.sent, r.Batch) }()
				err := receive(test.expected, r.Batch)
				if (err == nil) != test.ok {
					t.Errorf("portion %d: sent from %d on, expected from %d on: %v", i+1, test.sent, test.expected, err)
				}
				select {
				case err := <-sent:
					if err != nil {
						t.Error(err)
					}
				case <-time.After(patience()):
					t.Fatal("it still sends")
				}
			}
		})
	}
}

// A receiver that is asked for a few messages and has missed more does not wait for others
// in their place.
func TestReceiversMissMessages(t *testing.T) {
	for _, r := range broadcastRows() {
		if r.Mode != "lossy-1" {
			continue
		}
		t.Run(r.name(), func(t *testing.T) {
			send, receive := joinHere(t, r)
			total := 4 * r.ringCapacity()
			if err := send(0, total); err != nil {
				t.Fatal(err)
			}
			received := make(chan error, 1)
			go func() { received <- errors.Join(receive(0, 1), receive(1, total-1)) }()
			select {
			case err := <-received:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(patience()):
				t.Fatal("it waits for more")
			}
		})
	}
}

// Nor does a receiver of a shared queue take a message twice.
func TestSharedQueuesCheckTheOrder(t *testing.T) {
	for _, r := range allRows() {
		if r.Workload != shared || r.Mode != split || r.Procs != 2 {
			continue
		}
		t.Run(r.name(), func(t *testing.T) {
			send, receive := joinHere(t, r)
			for range 2 {
				if err := send(3, 1); err != nil {
					t.Fatal(err)
				}
			}
			if err := receive(0, 1); err != nil {
				t.Errorf("first time: %v", err)
			}
			if err := receive(0, 1); err == nil {
				t.Error("a message was taken twice")
			}
		})
	}
}
