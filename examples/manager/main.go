// Manager is a server process that holds maps, lists and namespaces, which other processes
// change through proxies, like Python's multiprocessing.Manager. Its calls are those of net/rpc, over
// shared memory.
//
// The parent starts the server and three workers, and prints what they have left there.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"

	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/shm"
)

func main() {
	process.Main()
	if err := parent(context.Background()); err != nil {
		log.Fatal(err)
	}
}

const workers = 3

// key is of no use where all are one user's.
var key = []byte(os.Getenv("MANAGER_KEY"))

// server serves, and says in the segment that it does.
var server = process.Register("server", func(_ context.Context, name string) error {
	seg, err := process.Segment(0, nil)
	if err != nil {
		return err
	}
	defer seg.Close()
	ready, err := shm.NewEvent(seg, "ready")
	if err != nil {
		return err
	}
	return serve(name, key, ready.Set)
})

func parent(ctx context.Context) error {
	name := fmt.Sprintf("manager-%d", os.Getpid())
	seg, err := shm.Anonymous(4096, nil)
	if err != nil {
		return err
	}
	defer seg.Close()
	ready, err := shm.NewEvent(seg, "ready")
	if err != nil {
		return err
	}
	s, err := process.Start(ctx, server, name, &process.Options{Daemon: true, Segments: []*shm.Segment{seg}})
	if err != nil {
		return err
	}
	defer s.Wait()
	defer s.Kill()
	alive, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { cancel(s.Wait()) }()
	if err := ready.Wait(alive); err != nil {
		return fmt.Errorf("the server does not listen: %w: %w", err, context.Cause(alive))
	}

	m, err := connect(ctx, name, key)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := m.Namespace("settings").Set("power", 2); err != nil {
		return err
	}
	var children []*process.Process
	for i := range workers {
		child, err := process.Start(ctx, worker, workerArgs{name, i}, nil)
		if err != nil {
			return err
		}
		children = append(children, child)
	}
	for _, child := range children {
		if err := child.Wait(); err != nil {
			return err
		}
	}
	return show(m)
}

// show prints what the workers have left.
func show(m *Manager) error {
	results := m.Map("results")
	keys, err := results.Keys()
	if err != nil {
		return err
	}
	for _, k := range keys {
		v, err := results.Get(k)
		if err != nil {
			return err
		}
		fmt.Println(k, v)
	}
	for i := range workers {
		if _, err := m.List("done").At(i); err != nil {
			return err
		}
	}
	total, err := m.Map("counts").Get("numbers")
	fmt.Println("numbers:", total)
	return err
}

type workerArgs struct {
	Server string
	First  int
}

// worker has every third of the numbers below ten.
var worker = process.Register("worker", func(ctx context.Context, a workerArgs) error {
	m, err := connect(ctx, a.Server, key)
	if err != nil {
		return err
	}
	defer m.Close()
	power, err := m.Namespace("settings").Get("power")
	if err != nil {
		return err
	}
	for n := a.First; n < 10; n += workers {
		x := 1
		for range power.(int) {
			x *= n
		}
		if err := m.Map("results").Set(strconv.Itoa(n), x); err != nil {
			return err
		}
		if _, err := m.Map("counts").Add("numbers", 1); err != nil {
			return err
		}
	}
	_, err = m.List("done").Append(a.First)
	return err
})
