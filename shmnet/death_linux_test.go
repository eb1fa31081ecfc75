package shmnet_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shmnet"
)

// A victim has one side of a connection: it sends, if it is to, and waits to be killed.
var _ = proctest.Register("victim", func(c *proctest.Child) {
	var conn net.Conn
	switch c.Arg(0) {
	case "dials":
		conn = proctest.Must(shmnet.Dial(background, c.Arg(1)))(c)
	case "listens":
		l := proctest.Must(shmnet.Listen(c.Arg(1), nil))(c)
		c.Send("listening")
		conn = proctest.Must(l.Accept())(c)
	}
	proctest.Must(conn.Write(victims))(c)
	if c.Arg(2) == "exits" {
		c.Send("alive")
		os.Exit(0)
	}
	c.Send("alive")
	select {}
})

var victims = random(50_000)

// begin starts a victim and returns the other side of its connection.
func begin(t *testing.T, side, how string) (*proctest.Proc, *shmnet.Conn) {
	name := newName()
	if side == "dials" {
		l := listen(t, name)
		p := proctest.Start(t, "victim", side, name, how)
		c := accept(t, l)
		p.Expect("alive")
		return p, c
	}
	noLeaks(t)
	p := proctest.Start(t, "victim", side, name, how)
	p.Expect("listening")
	c := dial(t, name)
	p.Expect("alive")
	return p, c
}

// TestDeath kills either side: the other reads all that was sent, and gets its errors.
func TestDeath(t *testing.T) {
	for _, side := range []string{"dials", "listens"} {
		t.Run(side, func(t *testing.T) {
			p, c := begin(t, side, "waits")
			if peer := c.Peer(); peer.PID == os.Getpid() || peer.UID != os.Geteuid() {
				t.Errorf("the peer is %+v", peer)
			}
			p.Kill()
			dead(t, c)
		})
	}
	t.Run("exits", func(t *testing.T) {
		p, c := begin(t, "dials", "exits")
		p.Wait()
		dead(t, c)
	})
}

// dead checks what a victim has left.
func dead(t *testing.T, c *shmnet.Conn) {
	t.Helper()
	got, err := io.ReadAll(c)
	want(t, "read", err, syscall.ECONNRESET)
	if !bytes.Equal(got, victims) {
		t.Errorf("%d bytes of %d", len(got), len(victims))
	}
	_, err = c.Write(make([]byte, 1<<20)) // it may be told a moment later
	want(t, "write", err, syscall.EPIPE)
	_, err = c.Write([]byte{1})
	want(t, "write", err, syscall.EPIPE)
}

// TestDeathPending kills a process for which others wait.
func TestDeathPending(t *testing.T) {
	p, c := begin(t, "dials", "waits")
	if _, err := io.ReadFull(c, make([]byte, len(victims))); err != nil {
		t.Fatal(err)
	}
	full := make(chan struct{})
	r, w := pending(t, c, func() {
		go func() { fill(c); close(full) }()
		p.Kill()
		<-full
	})
	want(t, "read", r, syscall.ECONNRESET)
	want(t, "write", w, syscall.EPIPE)
}

func fill(c *shmnet.Conn) { c.Write(make([]byte, 1<<20)) }

// TestDeathBeforeAccept kills diallers before Accept is called.
func TestDeathBeforeAccept(t *testing.T) {
	name := newName()
	l := listen(t, name)
	for range 3 {
		p := proctest.Start(t, "victim", "dials", name, "waits")
		p.Expect("alive")
		p.Kill()
	}
	for range 3 {
		dead(t, accept(t, l))
	}
}

// TestListenerDies kills one that listens, under those who were not accepted: its name is
// free again.
func TestListenerDies(t *testing.T) {
	noLeaks(t)
	name := newName()
	p := proctest.Start(t, "victim", "listens", name, "waits")
	p.Expect("listening")
	dial(t, name)
	p.Expect("alive")
	c := dial(t, name)
	p.Kill()
	_, err := c.Read(make([]byte, 1))
	want(t, "read", err, syscall.ECONNRESET)
	_, err = shmnet.Dial(background, name)
	want(t, "dial", err, syscall.ECONNREFUSED)
	l := listen(t, name)
	dial(t, name)
	accept(t, l)
}
