package shmnet_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/rpc"

	"github.com/isthmus-go/isthmus/shmnet"
)

// An HTTP server and its client. They may be in two processes.
func Example_http() {
	l, err := shmnet.Listen("greeter", nil)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello", r.URL.Path)
	})}
	go server.Serve(l)
	defer server.Close()

	client := http.Client{Transport: &http.Transport{DialContext: new(shmnet.Dialer).DialContext}}
	defer client.CloseIdleConnections()
	r, err := client.Get("http://greeter/world")
	if err != nil {
		log.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	fmt.Print(string(b), err)
	// Output:
	// hello /world
	// <nil>
}

// Squarer is what the example serves.
type Squarer struct{}

func (Squarer) Square(n int, result *int) error { *result = n * n; return nil }

// A server of net/rpc, and its client.
func Example_rpc() {
	l, err := shmnet.Listen("squarer", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	server := rpc.NewServer()
	if err := server.Register(Squarer{}); err != nil {
		log.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go server.ServeConn(c)
		}
	}()

	c, err := shmnet.Dial(context.Background(), "squarer")
	if err != nil {
		log.Fatal(err)
	}
	client := rpc.NewClient(c)
	defer client.Close()
	var result int
	err = client.Call("Squarer.Square", 7, &result)
	fmt.Println(result, err)
	// Output: 49 <nil>
}

// One side ends its direction, and reads on.
func ExampleConn_CloseWrite() {
	l, err := shmnet.Listen("echo", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		io.Copy(c, c)
	}()

	var c net.Conn
	if c, err = shmnet.Dial(context.Background(), "echo"); err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "all that there is")
	c.(*shmnet.Conn).CloseWrite()
	answer, err := io.ReadAll(c)
	fmt.Println(string(answer), err)
	// Output: all that there is <nil>
}
