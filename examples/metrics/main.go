// Metrics serves what a process counts of a queue, and of a lock: at /debug/vars by package
// expvar, and at /metrics as Prometheus reads it, which takes no more than package fmt. A child
// pushes numbers, and the parent pops them, and adds them up. Then the parent gets its own metrics,
// as Prometheus would, and prints them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"expvar"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

func main() {
	process.Main()
	addr := flag.String("addr", "127.0.0.1:0", "serve at the `address`")
	stay := flag.Bool("stay", false, "go on serving")
	flag.Parse()
	if err := run(context.Background(), *addr, *stay); err != nil {
		log.Fatal(err)
	}
}

// objects are what the processes share.
type objects struct {
	numbers *ring.MPMC[int64]
	lock    *shm.Lock
	sum     *shm.Value[int64]
}

// objectsOf finds the objects in the segment, or makes them.
func objectsOf(seg *shm.Segment) (o objects, err error) {
	if o.numbers, err = ring.NewMPMC[int64](seg, "numbers", 64); err != nil {
		return o, err
	}
	if o.lock, err = shm.NewLock(seg, "lock"); err != nil {
		return o, err
	}
	o.sum, err = shm.NewValue[int64](seg, "sum")
	return o, err
}

func run(ctx context.Context, addr string, stay bool) error {
	name := fmt.Sprintf("metrics-%d", os.Getpid())
	seg, err := shm.Create(name, 1<<20, nil)
	if err != nil {
		return err
	}
	defer shm.Remove(name, nil)
	defer seg.Close()
	o, err := objectsOf(seg)
	if err != nil {
		return err
	}

	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	expvar.Publish("numbers", expvar.Func(func() any { return o.numbers.Stats() })) // at /debug/vars
	expvar.Publish("lock", expvar.Func(func() any { return o.lock.Stats() }))
	http.HandleFunc("/metrics", o.metrics)
	ended := make(chan error, 1)
	go func() { ended <- http.Serve(l, nil) }()

	p, err := process.Start(ctx, child, 10, &process.Options{Segments: []*shm.Segment{seg}})
	if err != nil {
		return err
	}
	for range 10 {
		n, err := o.numbers.Pop(ctx)
		if err != nil {
			return err
		}
		o.lock.Lock()
		o.sum.Store(o.sum.Load() + n)
		o.lock.Unlock()
	}
	err = p.Wait()
	fmt.Println("the squares, twice:", o.sum.Load())
	if err := errors.Join(err, show("http://"+l.Addr().String())); err != nil || !stay {
		return err
	}
	fmt.Println("serving at", l.Addr())
	return <-ended
}

// child pushes n squares, and adds each to the sum as well.
var child = process.Register("child", func(ctx context.Context, n int64) error {
	seg, err := process.Segment(0, nil)
	if err != nil {
		return err
	}
	defer seg.Close()
	o, err := objectsOf(seg)
	if err != nil {
		return err
	}
	for i := range n {
		if err := o.numbers.Push(ctx, i*i); err != nil {
			return err
		}
		o.lock.Lock()
		o.sum.Store(o.sum.Load() + i*i)
		o.lock.Unlock()
	}
	return nil
})

// metrics writes the counts in Prometheus' text format. The first two are of all processes. Of
// the others, each process counts its own: Prometheus adds them up.
func (o objects) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	q, l := o.numbers.Stats(), o.lock.Stats()
	counter(w, "pushed", "Messages pushed.", sample{"numbers", q.Pushed})
	counter(w, "popped", "Messages popped.", sample{"numbers", q.Popped})
	counter(w, "waits", "Operations that slept.", sample{"numbers", q.Waits}, sample{"lock", l.Waits})
	counter(w, "wake_ups", "Calls of the kernel to wake others.", sample{"numbers", q.WakeUps}, sample{"lock", l.WakeUps})
	counter(w, "repairs", "Repairs of what dead processes have left.", sample{"numbers", q.Repairs}, sample{"lock", l.Repairs})
}

// A sample is the value of a metric for one object.
type sample struct {
	object string
	n      uint64
}

func counter(w io.Writer, name, help string, samples ...sample) {
	name = "isthmus_" + name + "_total"
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %[1]s counter\n", name, help)
	for _, s := range samples {
		fmt.Fprintf(w, "%s{object=%q} %d\n", name, s.object, s.n)
	}
}

// show prints what a server serves.
func show(server string) error {
	vars, err := get(server + "/debug/vars")
	if err != nil {
		return err
	}
	var counts struct{ Numbers ring.Stats }
	if err := json.Unmarshal(vars, &counts); err != nil {
		return err
	}
	fmt.Printf("/debug/vars: %d pushed, %d popped\n", counts.Numbers.Pushed, counts.Numbers.Popped)
	metrics, err := get(server + "/metrics")
	fmt.Printf("/metrics:\n%s", metrics)
	return err
}

func get(url string) ([]byte, error) {
	r, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	return io.ReadAll(r.Body)
}
