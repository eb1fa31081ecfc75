// Command request sends requests from several client processes to one server, which
// answers each client in a ring of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

const (
	clients = 3
	calls   = 4
)

// Request and Response are plain. The server answers in the ring of the Client, and
// repeats the Number, by which the client knows what is answered.
type Request struct{ Client, Number, Argument int64 }

type Response struct{ Number, Square int64 }

func main() {
	process.Main()
	if err := serve(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func requestsOf(seg *shm.Segment) (*ring.MPMC[Request], error) {
	return ring.NewMPMC[Request](seg, "requests", 64)
}

func responsesOf(seg *shm.Segment, client int64) (*ring.SPSC[Response], error) {
	return ring.NewSPSC[Response](seg, fmt.Sprintf("responses-%d", client), 16)
}

// serve makes the segment, starts the clients and answers until all have ended.
func serve(ctx context.Context) error {
	name := fmt.Sprintf("request-%d", os.Getpid())
	size := ring.MPMCSize[Request](64) + clients*ring.SPSCSize[Response](16)
	seg, err := shm.Create(name, size, nil)
	if err != nil {
		return err
	}
	defer shm.Remove(name, nil)
	defer seg.Close()
	requests, err := requestsOf(seg)
	if err != nil {
		return err
	}
	var answer [clients]*ring.Producer[Response]
	for i := range answer {
		responses, err := responsesOf(seg, int64(i))
		if err != nil {
			return err
		}
		if answer[i], err = responses.Producer(); err != nil {
			return err
		}
	}

	ended := make(chan error, 1)
	go func() { ended <- errors.Join(runClients(ctx, seg), requests.Close()) }()
	for r, err := range requests.All(ctx) { // until the clients have ended
		if err != nil {
			return err
		}
		if r.Client < 0 || r.Client >= clients {
			continue
		}
		// The ring has room for all that one client asks at a time: one who does not
		// read, or has died, keeps no others waiting.
		err = answer[r.Client].TryPush(Response{r.Number, r.Argument * r.Argument})
		if err != nil && err != ring.ErrFull {
			return err
		}
	}
	return <-ended
}

// runClients runs the clients, and returns when all have ended.
func runClients(ctx context.Context, seg *shm.Segment) (err error) {
	var started []*process.Process
	for i := range int64(clients) {
		var c *process.Process
		c, err = process.Start(ctx, call, i, &process.Options{Segments: []*shm.Segment{seg}})
		if err != nil {
			break
		}
		started = append(started, c)
	}
	for _, c := range started {
		err = errors.Join(err, c.Wait())
	}
	return err
}

// call asks for a few squares.
var call = process.Register("call", func(ctx context.Context, client int64) error {
	seg, err := process.Segment(0, nil)
	if err != nil {
		return err
	}
	defer seg.Close()
	requests, err := requestsOf(seg)
	if err != nil {
		return err
	}
	responses, err := responsesOf(seg, client)
	if err != nil {
		return err
	}
	answers, err := responses.Consumer()
	if err != nil {
		return err
	}
	for n := range int64(calls) {
		square, err := ask(ctx, requests, answers, Request{client, n, 10*client + n})
		if err != nil {
			return err
		}
		fmt.Println(10*client+n, square)
	}
	return nil
})

// ask sends one request and waits for its response.
func ask(ctx context.Context, requests *ring.MPMC[Request], answers *ring.Consumer[Response], r Request) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := requests.Push(ctx, r); err != nil {
		return 0, err
	}
	for {
		a, err := answers.Pop(ctx)
		if err != nil || a.Number == r.Number { // others are answers that came too late
			return a.Square, err
		}
	}
}
