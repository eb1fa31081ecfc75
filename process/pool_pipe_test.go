package process_test

import (
	"context"
	"encoding/gob"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
)

// A pipePool is what a Pool is compared with: workers that get tasks and send results by gob, each
// over two pipes. Each has up to pipeAhead tasks.
type pipePool struct {
	tasks chan *pipeResult
	ends  sync.WaitGroup
}

const pipeAhead = 16

type pipeTask struct{ ID, Arg int64 }

type pipeResult struct {
	arg, value int64
	done       chan struct{}
}

var pipeWorker = process.Register("pipe worker", func(context.Context, int) error {
	in, out := gob.NewDecoder(os.Stdin), gob.NewEncoder(os.Stdout)
	for {
		var t pipeTask
		if in.Decode(&t) != nil {
			return nil
		}
		t.Arg *= t.Arg
		if err := out.Encode(t); err != nil {
			return err
		}
	}
})

func newPipePool(b *testing.B, workers int) *pipePool {
	p := &pipePool{tasks: make(chan *pipeResult, 1024)}
	for range workers {
		childIn, in, err := os.Pipe()
		proctest.Check(b, err)
		out, childOut, err := os.Pipe()
		proctest.Check(b, err)
		worker := proctest.Must(process.Start(context.Background(), pipeWorker, 0, &process.Options{
			Daemon: true, Command: func(c *exec.Cmd) { c.Stdin, c.Stdout = childIn, childOut },
		}))(b)
		childIn.Close()
		childOut.Close()
		var mu sync.Mutex
		ahead := make(chan struct{}, pipeAhead)
		outstanding := map[int64]*pipeResult{}
		p.ends.Go(func() {
			enc := gob.NewEncoder(in)
			id := int64(0)
			for r := range p.tasks {
				ahead <- struct{}{}
				id++
				mu.Lock()
				outstanding[id] = r
				mu.Unlock()
				enc.Encode(pipeTask{id, r.arg})
			}
			in.Close()
		})
		p.ends.Go(func() {
			dec := gob.NewDecoder(out)
			for {
				var t pipeTask
				if dec.Decode(&t) != nil {
					out.Close()
					worker.Wait()
					return
				}
				mu.Lock()
				r := outstanding[t.ID]
				delete(outstanding, t.ID)
				mu.Unlock()
				<-ahead
				r.value = t.Arg
				close(r.done)
			}
		})
	}
	b.Cleanup(func() {
		close(p.tasks)
		p.ends.Wait()
	})
	return p
}

func (p *pipePool) begin(x int64) *pipeResult {
	r := &pipeResult{arg: x, done: make(chan struct{})}
	p.tasks <- r
	return r
}

func BenchmarkPipePool(b *testing.B) {
	pool := func(b *testing.B) *pipePool {
		p := newPipePool(b, 2)
		for range 100 {
			<-p.begin(1).done
		}
		b.ResetTimer()
		return p
	}
	b.Run("Call", func(b *testing.B) {
		p := pool(b)
		for range b.N {
			<-p.begin(3).done
		}
	})
	b.Run("Go", func(b *testing.B) {
		p := pool(b)
		b.ReportAllocs()
		var out [512]*pipeResult
		for i := range b.N {
			if r := out[i%len(out)]; r != nil {
				<-r.done
			}
			out[i%len(out)] = p.begin(int64(i))
		}
		for _, r := range out {
			if r != nil {
				<-r.done
			}
		}
	})
}
