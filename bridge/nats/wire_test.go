//go:build !plan9

package nats_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

// wire is the network between a client and a server. What the server says can be held back, and the
// connections can be cut.
type wire struct {
	net.Listener
	server string
	mu     sync.Mutex
	open   map[net.Conn]bool
	answer chan struct{} // has the token while answers pass
}

func newWire(t testing.TB, server string) *wire {
	t.Helper()
	w := &wire{Listener: proctest.Must(net.Listen("tcp", "127.0.0.1:0"))(t), server: server,
		open: map[net.Conn]bool{}, answer: make(chan struct{}, 1)}
	w.pass()
	t.Cleanup(func() { w.Close(); w.cut() })
	go func() {
		for {
			c, err := w.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", w.server)
			if err != nil {
				c.Close()
				continue
			}
			w.mu.Lock()
			w.open[c], w.open[s] = true, true
			w.mu.Unlock()
			go func() { io.Copy(s, c); s.Close() }()
			go func() { io.Copy(c, answers{s, w.answer}); c.Close() }()
		}
	}()
	return w
}

func (w *wire) url() string { return "nats://" + w.Addr().String() }

// hold lets nothing of what the server says pass, until pass.
func (w *wire) hold() { <-w.answer }
func (w *wire) pass() { w.answer <- struct{}{} }

// cut ends all connections.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		c.Close()
		delete(w.open, c)
	}
}

// answers reads what a server says, while it may.
type answers struct {
	net.Conn
	answer chan struct{}
}

func (a answers) Read(b []byte) (int, error) {
	n, err := a.Conn.Read(b)
	<-a.answer
	a.answer <- struct{}{}
	return n, err
}
