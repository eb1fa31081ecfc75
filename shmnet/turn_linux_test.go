package shmnet_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shmnet"
)

// TestPendingTurn has operations wait for a copy whose other side does nothing: deadlines and Close
// end them all the same.
func TestPendingTurn(t *testing.T) {
	for what, copies := range map[string]struct {
		begin func(a, b *shmnet.Conn, r io.Reader, w io.Writer)
		op    func(a *shmnet.Conn) error
		limit func(a *shmnet.Conn, at time.Time) error
	}{
		"write": {
			func(a, _ *shmnet.Conn, r io.Reader, _ io.Writer) { a.ReadFrom(r) },
			func(a *shmnet.Conn) error { _, err := a.Write([]byte{1}); return err },
			(*shmnet.Conn).SetWriteDeadline,
		},
		"read": {
			func(a, b *shmnet.Conn, _ io.Reader, w io.Writer) { b.Write([]byte{1}); a.WriteTo(w) },
			func(a *shmnet.Conn) error { _, err := a.Read([]byte{1}); return err },
			(*shmnet.Conn).SetReadDeadline,
		},
	} {
		t.Run(what, func(t *testing.T) {
			a, b := pair(t)
			r, idle := io.Pipe()
			full, w := io.Pipe()
			copied := make(chan struct{})
			go func() { copies.begin(a, b, r, w); close(copied) }()
			time.Sleep(20 * time.Millisecond) // it has the turn
			errs := make(chan error, 1)
			begin := func() { go func() { errs <- copies.op(a) }() }
			pending := func() error {
				select {
				case err := <-errs:
					return err
				case <-time.After(proctest.Timeout() / 20):
					t.Error("it is still waiting")
					return nil
				}
			}
			check(t, copies.limit(a, time.Now().Add(20*time.Millisecond)))
			begin()
			timedOut(t, what, pending())
			check(t, copies.limit(a, time.Time{}))
			begin()
			time.Sleep(20 * time.Millisecond)
			check(t, a.Close())
			want(t, what, pending(), net.ErrClosed)
			idle.Close()
			full.Close()
			<-copied
		})
	}
}
