package shmnet_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"strconv"
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
		fmt.Fprint(w, sum(r.Body))
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("n"))
		io.Copy(w, &text{end: n})
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

// text is a Reader of bytes that say where they are.
type text struct{ pos, end int }

func (t *text) Read(p []byte) (int, error) {
	n := min(len(p), t.end-t.pos)
	for i := range p[:n] {
		p[i] = byte(t.pos >> (8 * (t.pos & 3)))
		t.pos++
	}
	if t.pos == t.end {
		return n, io.EOF
	}
	return n, nil
}

// sum reads to the end, and says how many bytes there were, and which.
func sum(r io.Reader) string {
	h := crc32.NewIEEE()
	n, err := io.Copy(h, r)
	return fmt.Sprint(n, " bytes: ", h.Sum32(), " ", err)
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

// eachServer runs a test with a server in this process, and in another: with so many clients at
// a time, and the size of large bodies.
func eachServer(t *testing.T, f func(t *testing.T, name string, clients, large int)) {
	proctest.MaySkip("http server")
	t.Run("one process", func(t *testing.T) {
		name := newName()
		serve(t, name)
		f(t, name, 50, 1<<20)
	})
	t.Run("two processes", func(t *testing.T) {
		noLeaks(t)
		name := newName()
		p := proctest.Start(t, "http server", name)
		p.Expect("listening")
		f(t, name, 1000, 100<<20)
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
	eachServer(t, func(t *testing.T, name string, clients, large int) {
		for version, protocol := range map[string]func(*http.Protocols){"1": http1, "2": http2} {
			large := large
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
				if version == "2" {
					large = 1 << 20 // its frames are small, whatever the body is
				}
				want := sum(&text{end: large})
				if r, err := c.Get(fmt.Sprint("http://", name, "/large?n=", large)); err != nil {
					t.Error(err)
				} else {
					if got := sum(r.Body); got != want {
						t.Errorf("%s, want %s", got, want)
					}
					r.Body.Close()
				}
				r, err := c.Post("http://"+name+"/sum", "", &text{end: large})
				if got := body(t, r, err); got != want {
					t.Errorf("%s, want %s", got, want)
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
			for range proctest.Scaled(clients) {
				all.Go(func() {
					for range 2 {
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
