// Work does four pieces of work, which take 5, 2, 1 and 3 seconds: in a for loop, in a process
// each, and in a pool of two.
//
// In Python:
//
//	work = (["1", 5], ["2", 2], ["3", 1], ["4", 3])
//
//	def work_log(data):
//	    print("Process %s waiting %s seconds" % (data[0], data[1]))
//	    time.sleep(int(data[1]))
//	    print("Process %s finished." % data[0])
//
//	for w in work:
//	    work_log(w)
//
//	processes = [Process(target=work_log, args=(w,)) for w in work]
//	for p in processes: p.start()
//	for p in processes: p.join()
//	for p in processes: print(p.is_alive())
//
//	Pool(2).map(work_log, work)
//
// What is better here: Wait returns how a process has ended, with the last lines of its standard
// error. Python's join says nothing, and one has to look at exitcode.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"time"

	"github.com/isthmus-go/isthmus/process"
)

// Work is a piece of work that takes a while.
type Work struct {
	Name    string
	Seconds int
	Second  time.Duration // how long one is
}

func (w Work) do() {
	fmt.Printf("Process %s waiting %d seconds\n", w.Name, w.Seconds)
	time.Sleep(time.Duration(w.Seconds) * w.Second)
	fmt.Printf("Process %s finished.\n", w.Name)
}

var inProcess = process.Register("work", func(_ context.Context, w Work) error {
	fmt.Printf("ID of process %s: %d\n", w.Name, os.Getpid())
	w.do()
	return nil
})

var inPool = process.Func("work", func(_ context.Context, w Work) (string, error) {
	w.do()
	return w.Name, nil
})

func main() {
	process.Main()
	second := flag.Duration("second", time.Second, "how long a second is")
	flag.Parse()
	work := []Work{{"1", 5, *second}, {"2", 2, *second}, {"3", 1, *second}, {"4", 3, *second}}

	ctx := context.Background()
	fmt.Println("ID of main process:", os.Getpid())
	for _, way := range []struct {
		name string
		do   func(context.Context, []Work) error
	}{{"for loop", loop}, {"processes", processes}, {"pool of two", pool}} {
		start := time.Now()
		if err := way.do(ctx, work); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %.1f seconds\n\n", way.name, float64(time.Since(start))/float64(*second))
	}
}

func loop(_ context.Context, work []Work) error {
	for _, w := range work {
		w.do()
	}
	return nil
}

func processes(ctx context.Context, work []Work) (err error) {
	var started []*process.Process
	for _, w := range work {
		p, startErr := process.Start(ctx, inProcess, w, &process.Options{Name: w.Name})
		if startErr != nil {
			err = startErr
			break
		}
		started = append(started, p)
	}
	for _, p := range started {
		err = errors.Join(err, p.Wait())
	}
	for _, p := range started {
		fmt.Printf("Process %s is alive: %t\n", p.Name(), p.Alive())
	}
	return err
}

func pool(ctx context.Context, work []Work) error {
	p, err := process.NewPool(ctx, &process.PoolOptions{Workers: 2})
	if err != nil {
		return err
	}
	for _, err := range inPool.Map(ctx, p, slices.Values(work)) {
		if err != nil {
			return err
		}
	}
	return p.Close()
}
