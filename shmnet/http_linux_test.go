package shmnet_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"strings"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shmnet"
)

// newServer returns a server with all that the tests ask for.
func newServer() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello ", r.RemoteAddr) })
	mux.HandleFunc("/sum", func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		fmt.Fprintf(w, "%d %x %v", n, h.Sum(nil), err)
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, &zeros{large})
	})
	mux.HandleFunc("/chunked", func(w http.ResponseWriter, r *http.Request) {
		for i := range 10 {
			fmt.Fprint(w, i)
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, r *http.Request) {
		c, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		line, _ := buf.ReadString('\n')
		fmt.Fprintf(c, "got %s", line)
		c.Close()
	})
	mux.HandleFunc("/gone", func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done() // by net/http's background read
		gone <- struct{}{}
	})
	s := &http.Server{Handler: mux, Protocols: new(http.Protocols)}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	return s
}

var gone = make(chan struct{})

const large = 20 << 20

// zeros is a Reader of so many zero bytes.
type zeros struct{ n int }

func (z *zeros) Read(p []byte) (int, error) {
	n := min(len(p), z.n)
	clear(p[:n])
	if z.n -= n; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// serve serves in this process until the end of the test.
func serve(t testing.TB, name string) {
	l := listen(t, name)
	s := newServer()
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != http.ErrServerClosed {
			t.Error(err)
		}
	})
}

var _ = proctest.Register("http server", func(c *proctest.Child) {
	l := proctest.Must(shmnet.Listen(c.Arg(0), nil))(c)
	c.Send("listening")
	go newServer().Serve(l)
	c.Expect("end")
})

// eachServer runs a test with a server in this process, and in another.
func eachServer(t *testing.T, f func(t *testing.T, name string)) {
	proctest.MaySkip("http server")
	t.Run("one process", func(t *testing.T) {
		name := newName()
		serve(t, name)
		f(t, name)
	})
	t.Run("two processes", func(t *testing.T) {
		noLeaks(t)
		name := newName()
		p := proctest.Start(t, "http server", name)
		p.Expect("listening")
		f(t, name)
		p.Send("end")
		p.Wait()
	})
}

// client returns a client, and counts the connections that it makes.
func client(t testing.TB, protocol func(p *http.Protocols)) (c *http.Client, dialled *int) {
	dialled = new(int)
	var mu sync.Mutex
	tr := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			mu.Lock()
			*dialled++
			mu.Unlock()
			return new(shmnet.Dialer).DialContext(ctx, network, addr)
		},
		MaxIdleConnsPerHost: 10_000,
		Protocols:           new(http.Protocols),
	}
	protocol(tr.Protocols)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}, dialled
}

func http1(p *http.Protocols) { p.SetHTTP1(true) }
func http2(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }

func body(t testing.TB, r *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Error(err)
		return ""
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Error(r.Status, err)
	}
	return string(b)
}

func TestHTTP(t *testing.T) {
	eachServer(t, func(t *testing.T, name string) {
		for version, protocol := range map[string]func(*http.Protocols){"1": http1, "2": http2} {
			t.Run(version, func(t *testing.T) {
				c, dialled := client(t, protocol)
				get := func(path string) string {
					r, err := c.Get("http://" + name + path)
					return body(t, r, err)
				}
				for range 100 {
					if got := get("/hello"); got != "hello "+name {
						t.Fatalf("%q", got)
					}
				}
				if got := get("/chunked"); got != "0123456789" {
					t.Errorf("%q", got)
				}
				if got := get("/large"); len(got) != large || strings.Trim(got, "\x00") != "" {
					t.Errorf("%d bytes", len(got))
				}
				sum := sha256.Sum256(make([]byte, large))
				for _, r := range []io.Reader{bytes.NewReader(make([]byte, large)), &zeros{large}} {
					r, err := c.Post("http://"+name+"/sum", "", r)
					if got, want := body(t, r, err), fmt.Sprintf("%d %x <nil>", large, sum); got != want {
						t.Errorf("%q, want %q", got, want)
					}
				}
				if *dialled != 1 {
					t.Errorf("%d connections, not one that is kept", *dialled)
				}
			})
		}
		t.Run("hijack", func(t *testing.T) {
			c := dial(t, name)
			fmt.Fprintf(c, "GET /hijack HTTP/1.1\r\nHost: x\r\n\r\nline\n")
			if got, err := io.ReadAll(c); string(got) != "got line\n" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
		t.Run("crowd", func(t *testing.T) {
			c, _ := client(t, http1)
			var all sync.WaitGroup
			for range proctest.Scaled(200) {
				all.Go(func() {
					for range 5 {
						r, err := c.Get("http://" + name + "/hello")
						body(t, r, err)
					}
				})
			}
			all.Wait()
		})
	})
}

// TestHTTPCancel has a client go away: the server's handler learns of it.
func TestHTTPCancel(t *testing.T) {
	name := newName()
	serve(t, name)
	c := dial(t, name)
	fmt.Fprintf(c, "GET /gone HTTP/1.1\r\nHost: x\r\n\r\n")
	check(t, c.Close())
	<-gone
}

// Adder is what net/rpc serves.
type Adder struct{}

// Add adds.
func (Adder) Add(args [2]int, sum *int) error { *sum = args[0] + args[1]; return nil }

var _ = proctest.Register("rpc server", func(c *proctest.Child) {
	l := proctest.Must(shmnet.Listen(c.Arg(0), nil))(c)
	s := rpc.NewServer()
	c.Check(s.Register(Adder{}))
	c.Send("listening")
	go s.Accept(l)
	c.Expect("end")
})

func TestRPC(t *testing.T) {
	proctest.MaySkip("rpc server")
	noLeaks(t)
	name := newName()
	p := proctest.Start(t, "rpc server", name)
	p.Expect("listening")
	c := rpc.NewClient(dial(t, name))
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			for j := range 100 {
				var sum int
				if err := c.Call("Adder.Add", [2]int{i, j}, &sum); err != nil || sum != i+j {
					t.Errorf("%d + %d is %d, %v", i, j, sum, err)
				}
			}
		})
	}
	all.Wait()
	check(t, c.Close())
	p.Send("end")
	p.Wait()
}
