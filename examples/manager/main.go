// Manager is a server process that holds maps, lists and namespaces, which other processes
// change through proxies, like Python's multiprocessing.Manager. Its calls are those of net/rpc, over
// shared memory.
//
// The parent starts the server and three workers, and prints what they have left there.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"strconv"
)

func main() {
	key := []byte(os.Getenv("MANAGER_KEY")) // of no use where all are one user's
	var err error
	switch {
	case len(os.Args) < 3:
		err = parent(context.Background(), key)
	case os.Args[2] == "serve":
		err = serve(os.Args[1], key, func() { fmt.Println("ready") })
	default:
		err = worker(context.Background(), os.Args[1], os.Args[2], key)
	}
	if err != nil {
		log.Fatal(err)
	}
}

const workers = 3

func parent(ctx context.Context, key []byte) error {
	name := fmt.Sprintf("manager-%d", os.Getpid())
	self, err := os.Executable()
	if err != nil {
		return err
	}
	server := exec.CommandContext(ctx, self, name, "serve")
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	defer server.Wait()
	defer server.Process.Kill()
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		return fmt.Errorf("the server does not listen: %w", err)
	}

	m, err := connect(ctx, name, key)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := m.Namespace("settings").Set("power", 2); err != nil {
		return err
	}
	var children []*exec.Cmd
	for i := range workers {
		child := exec.CommandContext(ctx, self, name, strconv.Itoa(i))
		child.Stderr = os.Stderr
		if err := child.Start(); err != nil {
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

// worker has every third of the numbers below ten.
func worker(ctx context.Context, name, number string, key []byte) error {
	first, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	m, err := connect(ctx, name, key)
	if err != nil {
		return err
	}
	defer m.Close()
	power, err := m.Namespace("settings").Get("power")
	if err != nil {
		return err
	}
	for n := first; n < 10; n += workers {
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
	_, err = m.List("done").Append(first)
	return err
}
