package shmnet

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
)

// Options say how to listen. A nil *Options and the zero value mean the defaults.
type Options struct {
	// TrustedUIDs lists users whose processes may connect, in addition to the effective user
	// of this process.
	TrustedUIDs []int
}

// Listener accepts connections. It is a [net.Listener].
type Listener struct {
	addr Addr
	l    *listener
}

var _ net.Listener = (*Listener)(nil)

// Listen listens at a name. A name is of the network namespace, and nothing of it is in any
// directory: it is free again when the Listener is closed, or its process ends. A name that
// begins with "/" is the path of a socket file instead, which containers can share that do not
// share a network namespace. A process that is killed leaves this file; the next Listen
// replaces it. Whoever may not write to the file cannot connect.
//
// To listen at a name at which somebody listens already is EADDRINUSE.
func Listen(name string, opts *Options) (*Listener, error) {
	if opts == nil {
		opts = &Options{}
	}
	l, err := listen(Addr(name), slices.Clone(opts.TrustedUIDs))
	if err != nil {
		return nil, fmt.Errorf("isthmus: listen at %q: %w", name, err)
	}
	return &Listener{Addr(name), l}, nil
}

// Accept waits for a connection, and returns it. It is a [*Conn].
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.l.accept()
	if err != nil {
		return nil, l.fault("accept", err)
	}
	return c, nil
}

// Close ends the Listener. Pending calls of Accept return net.ErrClosed. Connections that were
// accepted stay, and all others are closed.
func (l *Listener) Close() error { return l.fault("close", l.l.close()) }

// String returns the name.
func (l *Listener) String() string { return l.addr.Network() + " " + l.addr.String() }

// Addr returns the name, an [Addr].
func (l *Listener) Addr() net.Addr { return l.addr }

func (l *Listener) fault(op string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: l.addr.Network(), Addr: l.addr, Err: err}
}

// Dialer connects to listeners. The zero value has the defaults.
type Dialer struct {
	// Buffer is how many bytes may be under way in each direction. It is rounded up to a
	// power of two, from 4 KiB to 64 MiB. 0 means 64 KiB.
	Buffer int

	// TrustedUIDs lists users whose listeners are good, in addition to the effective user of
	// this process.
	TrustedUIDs []int
}

// Dial connects to the listener at a name, with the defaults. It fits
// grpc.WithContextDialer. The connection is a [*Conn].
func Dial(ctx context.Context, name string) (net.Conn, error) {
	return new(Dialer).DialContext(ctx, "shm", name)
}

// DialContext connects to a listener. If the network is another than "shm", as that of
// http.Transport is, the address is one of a host and a port; then the host is the name.
// The connection is a [*Conn].
//
// The connection can be used at once, as that of a Unix socket: if the listener refuses it, or
// ends before it accepts it, Read returns ECONNRESET, or DialContext EPIPE. ECONNREFUSED means that
// nobody listens.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	name := address
	if network != "shm" {
		if host, _, err := net.SplitHostPort(address); err == nil {
			name = host
		}
	}
	c, err := d.dial(ctx, name)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "shm", Addr: Addr(name), Err: err}
	}
	return c, nil
}

func (d *Dialer) dial(ctx context.Context, name string) (*Conn, error) {
	capacity, err := roundBuffer(d.Buffer)
	if err != nil {
		return nil, err
	}
	return dial(ctx, Addr(name), capacity, d.TrustedUIDs)
}

// trust checks who the other process belongs to.
func trust(p Peer, uids []int) error {
	if p.UID == os.Geteuid() || slices.Contains(uids, p.UID) {
		return nil
	}
	return fmt.Errorf("process %d belongs to user %d: %w", p.PID, p.UID, ErrUntrusted)
}
