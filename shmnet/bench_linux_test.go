package shmnet_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"path/filepath"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shmnet"
)

// A server for benchmarks listens at a name or a socket, and echoes, or serves RPC or HTTP.
var _ = proctest.Register("bench server", func(c *proctest.Child) {
	var l net.Listener
	if c.Arg(0) == "shm" {
		l = proctest.Must(shmnet.Listen(c.Arg(1), nil))(c)
	} else {
		l = proctest.Must(net.Listen(c.Arg(0), c.Arg(1)))(c)
	}
	c.Send(l.Addr())
	switch c.Arg(2) {
	case "echo":
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go echo(conn)
			}
		}()
	case "rpc":
		s := rpc.NewServer()
		c.Check(s.Register(Adder{}))
		go s.Accept(l)
	case "http":
		go newServer().Serve(l)
	}
	c.Expect("end")
})

func echo(c net.Conn) {
	defer c.Close()
	p := make([]byte, 64<<10)
	for {
		n, err := c.Read(p)
		if err != nil {
			return
		}
		if _, err := c.Write(p[:n]); err != nil {
			return
		}
	}
}

// eachNetwork runs a benchmark with a server at each network.
func eachNetwork(b *testing.B, service string, f func(b *testing.B, dial func(ctx context.Context) (net.Conn, error))) {
	for _, network := range []string{"shm", "unix", "tcp"} {
		b.Run(network, func(b *testing.B) {
			at := newName()
			switch network {
			case "unix":
				at = filepath.Join(b.TempDir(), "s")
			case "tcp":
				at = "127.0.0.1:0"
			}
			p := proctest.Start(b, "bench server", network, at, service)
			at = p.Recv()
			f(b, func(ctx context.Context) (net.Conn, error) {
				if network == "shm" {
					return shmnet.Dial(ctx, at)
				}
				return new(net.Dialer).DialContext(ctx, network, at)
			})
			p.Send("end")
			p.Wait()
		})
	}
}

func TestBenchServer(t *testing.T) { proctest.MaySkip("bench server") }

// BenchmarkEcho sends messages that come back, one or 64 connections at a time.
func BenchmarkEcho(b *testing.B) {
	for _, size := range []int{8, 64 << 10} {
		for _, conns := range []int{1, 64} {
			b.Run(fmt.Sprintf("%d/%d", size, conns), func(b *testing.B) {
				eachNetwork(b, "echo", func(b *testing.B, dial func(context.Context) (net.Conn, error)) {
					var all sync.WaitGroup
					start := make(chan struct{})
					for i := range conns {
						c, err := dial(background)
						check(b, err)
						all.Go(func() {
							defer c.Close()
							p := make([]byte, size)
							<-start
							for n := i; n < b.N; n += conns {
								if _, err := c.Write(p); err != nil {
									b.Error(err)
									return
								}
								if _, err := io.ReadFull(c, p); err != nil {
									b.Error(err)
									return
								}
							}
						})
					}
					b.ResetTimer()
					close(start)
					all.Wait()
				})
			})
		}
	}
}

func BenchmarkDial(b *testing.B) {
	eachNetwork(b, "echo", func(b *testing.B, dial func(context.Context) (net.Conn, error)) {
		p := make([]byte, 1)
		for b.Loop() {
			c, err := dial(background)
			check(b, err)
			c.Write(p)
			if _, err := c.Read(p); err != nil {
				b.Fatal(err)
			}
			c.Close()
		}
	})
}

func BenchmarkRPC(b *testing.B) {
	eachNetwork(b, "rpc", func(b *testing.B, dial func(context.Context) (net.Conn, error)) {
		conn, err := dial(background)
		check(b, err)
		c := rpc.NewClient(conn)
		defer c.Close()
		for b.Loop() {
			var sum int
			check(b, c.Call("Adder.Add", [2]int{1, 2}, &sum))
		}
	})
}

func BenchmarkHTTP(b *testing.B) {
	eachNetwork(b, "http", func(b *testing.B, dial func(context.Context) (net.Conn, error)) {
		tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }}
		defer tr.CloseIdleConnections()
		c := http.Client{Transport: tr}
		for b.Loop() {
			r, err := c.Get("http://x/hello")
			check(b, err)
			io.Copy(io.Discard, r.Body)
			r.Body.Close()
		}
	})
}
