package shmnet

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The rendezvous.
//
// A name is one of an abstract Unix socket. A dialler makes the memory of its connection,
// connects, and sends the memory's descriptor with a hello. Then it is done: it does not wait for an
// answer. The listener takes each hello in a goroutine of its own, since a hostile or stopped
// dialler may never send it, checks it, and maps the memory. The socket stays open; nothing goes
// through it any more. When it ends, the process at its other side has closed the
// connection, or the kernel has closed it after the last store of that process (watch). A child
// without exec may keep it open: so sleepers look at the process as well (process).
//
// Files that came instead of memory are closed where nobody waits for that (refuse): it may take for ever.
// After the hello, the socket takes no more, where the kernel can be told so (deafen).
//
// What a death leaves. Of a dialler that dies before its hello, a socket that ends without one: it is
// closed. After the hello, a connection whose peer is gone: what it has sent is read.
// Of a listener that dies, sockets that end: the diallers get ECONNRESET, whether they
// were accepted or not, and likewise of one that is closed before it accepts (drop). The memory has no name, and goes with the last process that has it.

const (
	// maxPending is how many connections may be on their way to Accept; more wait in
	// the kernel's queue.
	maxPending = 128
	// patience is how long a dialler may take for its hello, in each of two attempts.
	patience = 2500 * time.Millisecond
)

// A listener takes hellos. Its goroutines end with it.
type listener struct {
	addr    Addr
	uids    []int
	socket  *net.UnixListener
	pending chan struct{} // holds one for each connection on its way
	ready   chan accepted
	ctx     context.Context // ends with close
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// accepted is what accept returns.
type accepted struct {
	conn *Conn
	err  error
}

func listen(addr Addr, uids []int) (*listener, error) {
	at, err := socketAddr(addr)
	if err != nil {
		return nil, err
	}
	socket, err := bind(at)
	if err != nil {
		return nil, err
	}
	l := &listener{
		addr: addr, uids: uids, socket: socket,
		pending: make(chan struct{}, maxPending), ready: make(chan accepted),
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.running.Go(l.run)
	return l, nil
}

// run takes connections from the socket.
func (l *listener) run() {
	for l.ctx.Err() == nil {
		l.pending <- struct{}{} // each leaves when it is taken, or l ends
		s, err := l.socket.AcceptUnix()
		if err != nil {
			l.hand(accepted{err: err})
			<-l.pending
			continue
		}
		l.running.Add(1)
		go func() {
			c, files := l.take(s)
			if c != nil {
				l.hand(accepted{conn: c})
			}
			l.running.Done()
			<-l.pending
			if c == nil {
				refuse(s, files)
			}
		}()
	}
}

// refusals bounds the threads that refuse takes.
var refusals = make(chan struct{}, maxPending)

// refuse ends a socket that makes no connection: the peer learns of that at once. To close the socket, and the
// files that came by it, may take for ever: see receiveHello.
func refuse(s *net.UnixConn, files []int) {
	s.CloseRead()
	s.CloseWrite()
	refusals <- struct{}{}
	s.Close()
	for _, fd := range files {
		unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{}) // if it is a socket
		unix.Close(fd)
	}
	<-refusals
}

// take makes a connection of a socket, or returns the files that are to be closed with it.
func (l *listener) take(s *net.UnixConn) (c *Conn, files []int) {
	s.SetReadDeadline(time.Now().Add(patience))
	stop := context.AfterFunc(l.ctx, func() { s.SetReadDeadline(time.Unix(1, 0)) })
	peer, err := credentials(s)
	if err == nil {
		err = trust(peer, l.uids)
	}
	var mem []byte
	if err == nil {
		mem, files, err = receiveHello(s)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && stop() {
		// It may be there: a deadline goes before it, if this process was stopped meanwhile.
		s.SetReadDeadline(time.Now().Add(patience))
		stop = context.AfterFunc(l.ctx, func() { s.SetReadDeadline(time.Unix(1, 0)) })
		mem, files, err = receiveHello(s)
	}
	if err == nil {
		if err = deafen(s); err != nil {
			unix.Munmap(mem)
		}
	}
	if !stop() && err == nil {
		unix.Munmap(mem)
		err = net.ErrClosed
	}
	if err != nil {
		return nil, files
	}
	s.SetReadDeadline(time.Time{})
	return link(s, mem, false, l.addr, peer), nil
}

// hand hands a connection to accept.
func (l *listener) hand(a accepted) {
	select {
	case l.ready <- a:
	case <-l.ctx.Done():
		if a.conn != nil {
			a.conn.drop()
		}
	}
}

func (l *listener) accept() (*Conn, error) {
	select {
	case a := <-l.ready:
		return a.conn, a.err
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

func (l *listener) close() error {
	l.cancel()
	err := l.socket.Close()
	l.running.Wait()
	return err
}

func dial(ctx context.Context, addr Addr, capacity uint64, uids []int) (*Conn, error) {
	at, err := socketAddr(addr)
	if err != nil {
		return nil, err
	}
	s, err := connect(ctx, at)
	if err != nil {
		return nil, err
	}
	peer, err := credentials(s)
	if err == nil {
		err = trust(peer, uids)
	}
	var mem []byte
	if err == nil {
		err = deafen(s)
	}
	if err == nil {
		mem, err = sendHello(s, capacity)
	}
	if err != nil {
		go refuse(s, nil) // the listener may be as hostile
		return nil, err
	}
	return link(s, mem, true, addr, peer), nil
}

// link makes a connection of memory and the socket by which each side learns of the death of the
// other. At its end, nobody waits for the kernel: it unmaps the memory, for which it may have to interrupt all
// processors, and closes the socket, by which the peer may have sent files, as that of receiveHello.
func link(s *net.UnixConn, mem []byte, dialler bool, addr Addr, peer Peer) *Conn {
	c := newConn(mem, dialler, addr, peer, func() { unix.Munmap(mem) })
	c.quit = func() {
		go func() {
			c.leave()
			s.CloseWrite() // a child without exec may have the socket
			s.Close()
		}()
	}
	go c.watch(s)
	return c
}

// watch ends with the socket. The peer sends nothing by it.
func (c *Conn) watch(s *net.UnixConn) {
	s.Read(make([]byte, 1))
	c.lose()
}
