package shmnet_test

import (
	"context"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/shmnet"
)

var (
	kills = flag.Int("shmnet.kills", 10, "how many processes TestStorm kills")
	conns = flag.Int("shmnet.conns", 50, "how many connections each of them has")
)

// talk sends on a connection what comes back, until it ends.
func talk(c net.Conn) error {
	p := make([]byte, 1000)
	for {
		if _, err := c.Write(p); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, p); err != nil {
			return err
		}
	}
}

// answer sends back what comes, until the connection ends.
func answer(c net.Conn) error {
	_, err := io.Copy(struct{ io.Writer }{c}, c)
	return err
}

// A crowd makes connections and talks on all of them, until it is killed.
var _ = proctest.Register("crowd", func(c *proctest.Child) {
	n := proctest.Must(strconv.Atoi(c.Arg(1)))(c)
	for range n {
		conn := proctest.Must(shmnet.Dial(background, c.Arg(0)))(c)
		go func() { c.Check(talk(conn)) }()
	}
	c.Send("ready")
	select {}
})

// A host accepts connections and echoes on all of them, until it is killed.
var _ = proctest.Register("host", func(c *proctest.Child) {
	n := proctest.Must(strconv.Atoi(c.Arg(1)))(c)
	l := proctest.Must(shmnet.Listen(c.Arg(0), nil))(c)
	c.Send("listens")
	for range n {
		conn := proctest.Must(l.Accept())(c)
		go func() { c.Check(answer(conn)) }()
	}
	c.Send("ready")
	select {}
})

// TestStorm kills either side of many connections, at any moment, again and again: each of them
// ends with its error, and nothing is left.
func TestStorm(t *testing.T) {
	noLeaks(t)
	for i := range proctest.Scaled(*kills) {
		name := newName()
		var all sync.WaitGroup
		use := func(c net.Conn, talk func(net.Conn) error) {
			all.Go(func() {
				defer c.Close()
				if err := talk(c); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
					t.Errorf("the end of the dead: %v", err)
				}
			})
		}
		var p *proctest.Proc
		if i%2 == 0 {
			l, err := shmnet.Listen(name, nil)
			check(t, err)
			p = proctest.Start(t, "crowd", name, strconv.Itoa(*conns))
			for range *conns {
				use(proctest.Must(l.Accept())(t), answer)
			}
			check(t, l.Close())
		} else {
			p = proctest.Start(t, "host", name, strconv.Itoa(*conns))
			p.Expect("listens")
			for range *conns {
				use(proctest.Must(shmnet.Dial(background, name))(t), talk)
			}
		}
		p.Expect("ready")
		time.Sleep(rand.N(3 * time.Millisecond))
		p.Kill()
		all.Wait()
	}
}

// A number of a process, as the kernel tells it.
func status(t testing.TB, pid int, field string) int {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	check(t, err)
	m := regexp.MustCompile(field + `:\s*(\d+)`).FindSubmatch(b)
	if m == nil {
		t.Skip("no ", field)
	}
	n, err := strconv.Atoi(string(m[1]))
	check(t, err)
	return n
}

// TestIdle has a thousand connections to an HTTP server, each used once and kept.
func TestIdle(t *testing.T) {
	proctest.MaySkip("http server")
	noLeaks(t)
	const conns = 1000
	name := newName()
	p := proctest.Start(t, "http server", name)
	p.Expect("listening")
	var kept []*shmnet.Conn
	for range conns {
		conn, err := shmnet.Dial(background, name)
		if errors.Is(err, syscall.EMFILE) {
			t.Skip(err)
		}
		check(t, err)
		kept = append(kept, conn.(*shmnet.Conn))
		r := &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return conn, nil },
		}}
		resp, err := r.Get("http://" + name + "/hello")
		body(t, resp, err)
	}
	for who, pid := range map[string]int{"server": kept[0].Peer().PID, "client": os.Getpid()} {
		threads, kib := status(t, pid, "Threads"), status(t, pid, "VmRSS")
		t.Logf("%s: %d threads, %d MiB", who, threads, kib>>10)
		if threads >= 50 || kib>>10 >= 200 && !race.Enabled {
			t.Errorf("%s: %d threads and %d MiB for %d connections", who, threads, kib>>10, conns)
		}
	}
	for _, k := range kept {
		k.Close()
	}
	p.Send("end")
	p.Wait()
}
