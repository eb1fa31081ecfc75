package shmnet_test

import (
	"io"
	"net"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shmnet"
)

// TestConn has both sides in one process.
func TestConn(t *testing.T) {
	name := newName()
	l := listen(t, name)
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		return connect(func() (net.Conn, error) { return shmnet.Dial(background, name) }, l.Accept)
	})
}

// TestConnSmall has buffers that are always too small.
func TestConnSmall(t *testing.T) {
	name := newName()
	l := listen(t, name)
	d := &shmnet.Dialer{Buffer: 1}
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		return connect(func() (net.Conn, error) { return d.DialContext(background, "shm", name) }, l.Accept)
	})
}

// A relay dials twice for each line, and passes on what comes from one connection to the other.
var _ = proctest.Register("relay", func(c *proctest.Child) {
	dial := func() *shmnet.Conn {
		return proctest.Must(shmnet.Dial(background, c.Arg(0)))(c).(*shmnet.Conn)
	}
	for c.Recv() != "end" {
		a, b := dial(), dial()
		go relay(a, b)
		go relay(b, a)
	}
})

// relay passes on the end as well. One that waits for room when nobody will make any ends with
// the process.
func relay(to, from *shmnet.Conn) {
	_, err := io.Copy(to, from)
	to.CloseWrite()
	if err != nil {
		to.Close()
		from.Close()
	}
}

// TestConnProcesses has another process between both sides.
func TestConnProcesses(t *testing.T) {
	proctest.MaySkip("relay")
	name := newName()
	l := listen(t, name)
	p := proctest.Start(t, "relay", name)
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		p.Send("pipe")
		return connect(l.Accept, l.Accept)
	})
	p.Send("end")
	p.Wait()
}
