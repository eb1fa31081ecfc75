package shmnet_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

var past = time.Unix(1, 0)

func timedOut(t testing.TB, what string, err error) {
	t.Helper()
	want(t, what, err, os.ErrDeadlineExceeded)
	var ne net.Error
	if !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("%s: %v is no timeout", what, err)
	}
}

// TestDeadlineInFlight has deadlines pass while operations wait, again and again: each time, the
// connection is as good as before.
func TestDeadlineInFlight(t *testing.T) {
	a, b := pair(t)
	for range 20 {
		if _, err := a.Write([]byte{1}); err != nil { // something to read, should the deadline pass at once
			t.Fatal(err)
		}
		r, w := pending(t, a, func() { check(t, a.SetDeadline(time.Now().Add(time.Millisecond))) })
		timedOut(t, "read", r)
		timedOut(t, "write", w)
		check(t, a.SetDeadline(time.Time{}))
		check(t, b.SetReadDeadline(past))
		if n, err := b.Read(make([]byte, 1)); n != 0 {
			t.Fatal("read after the deadline", n, err)
		}
		check(t, b.SetReadDeadline(time.Time{}))
		if _, err := b.Read(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		if n, err := b.Write([]byte{1}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if n, err := a.Read(make([]byte, 2)); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
}

// TestPartialWrite has a deadline end a Write half way: its count is what the peer gets.
func TestPartialWrite(t *testing.T) {
	a, b := pair(t)
	data := random(1 << 20)
	var n int
	got := make([]byte, 1)
	together(
		func() {
			var err error
			n, err = a.Write(data)
			timedOut(t, "write", err)
		},
		func() {
			if _, err := b.Read(got); err != nil { // it has begun
				t.Error(err)
			}
			check(t, a.SetWriteDeadline(past))
		})
	check(t, a.Close())
	rest, err := io.ReadAll(b)
	if got = append(got, rest...); err != nil || n < 1 || string(got) != string(data[:n]) {
		t.Errorf("%d bytes were written, %d read, %v", n, len(got), err)
	}
}

// TestDeadlineMoved moves a deadline while a Read waits: later, and off.
func TestDeadlineMoved(t *testing.T) {
	a, b := pair(t)
	for _, to := range []time.Time{time.Now().Add(time.Hour), {}} {
		check(t, a.SetReadDeadline(time.Now().Add(time.Hour)))
		together(
			func() {
				if _, err := a.Read(make([]byte, 1)); err != nil {
					t.Error(err)
				}
			},
			func() {
				check(t, a.SetReadDeadline(to))
				b.Write([]byte{1})
			})
	}
}

// TestDeadlineOld has a deadline come that was moved away: nobody notices.
func TestDeadlineOld(t *testing.T) {
	a, b := pair(t)
	for range 20 {
		check(t, a.SetReadDeadline(time.Now().Add(100*time.Microsecond)))
		check(t, a.SetReadDeadline(time.Now().Add(time.Hour)))
		check(t, b.SetReadDeadline(time.Now().Add(time.Millisecond)))
		_, err := b.Read(make([]byte, 1)) // until both have come
		timedOut(t, "read", err)
		if _, err := b.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBackgroundRead is what net/http does with each connection: a Read that waits is ended by a
// deadline in the past, and the next one gets every byte.
func TestBackgroundRead(t *testing.T) {
	a, b := pair(t)
	next := byte(0)
	for i := range 200 {
		var n int
		var err error
		p := make([]byte, 1)
		together(
			func() { n, err = a.Read(p) },
			func() {
				if i%3 == 0 {
					b.Write([]byte{byte(i / 3)})
				}
				a.SetReadDeadline(past)
			})
		check(t, a.SetReadDeadline(time.Time{}))
		if n == 0 {
			timedOut(t, "read", err)
			if i%3 == 0 {
				if n, err = a.Read(p); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n == 1 {
			if p[0] != next {
				t.Fatalf("byte %d, want %d", p[0], next)
			}
			next++
		}
	}
}
