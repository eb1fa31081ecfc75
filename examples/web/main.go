// Web is an HTTP server and a client in two processes, whose connection is shared memory.
// The child asks its parent for squares. The only lines that differ from those of a program
// that uses TCP are those of Listen and DialContext.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"strconv"

	"github.com/isthmus-go/isthmus/shmnet"
)

func main() {
	run := server
	if len(os.Args) > 1 {
		run = client
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// server serves until the child has ended.
func server() error {
	name := fmt.Sprintf("web-%d", os.Getpid())
	l, err := shmnet.Listen(name, nil)
	if err != nil {
		return err
	}
	s := &http.Server{Handler: http.HandlerFunc(square)}
	go s.Serve(l)
	defer s.Close()

	self, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.Command(self, name)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	return child.Run()
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
func client() error {
	c := &http.Client{Transport: &http.Transport{DialContext: new(shmnet.Dialer).DialContext}}
	for n := range 10 {
		r, err := c.Get(fmt.Sprintf("http://%s/square?n=%d", os.Args[1], n))
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
}
