// Web is an HTTP server and a client in two processes, whose connection is shared memory.
// The child asks its parent for squares. The only lines that differ from those of a program
// that uses TCP are those of Listen and DialContext.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"

	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/shmnet"
)

func main() {
	process.Main()
	if err := serve(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// serve serves until the child has ended.
func serve(ctx context.Context) error {
	name := fmt.Sprintf("web-%d", os.Getpid())
	l, err := shmnet.Listen(name, nil)
	if err != nil {
		return err
	}
	s := &http.Server{Handler: http.HandlerFunc(square)}
	go s.Serve(l)
	defer s.Close()

	p, err := process.Start(ctx, client, name, nil)
	if err != nil {
		return err
	}
	return p.Wait()
}

func square(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.FormValue("n"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintln(w, n*n)
}

// client asks the server of that name.
var client = process.Register("client", func(ctx context.Context, server string) error {
	c := &http.Client{Transport: &http.Transport{DialContext: new(shmnet.Dialer).DialContext}}
	for n := range 10 {
		r, err := c.Get(fmt.Sprintf("http://%s/square?n=%d", server, n))
		if err != nil {
			return err
		}
		_, err = io.Copy(os.Stdout, r.Body)
		r.Body.Close()
		if err != nil {
			return err
		}
	}
	return nil
})
