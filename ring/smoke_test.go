package ring_test

import (
	"context"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	seg, err := shm.OpenOrCreate("x", 1<<20, &shm.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	seg2, err := shm.OpenOrCreate("x", 1<<20, &shm.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	r, err := ring.NewSPSC[uint64](seg, "s", 1024)
	if err != nil {
		t.Fatal(err)
	}
	r2, _ := ring.NewSPSC[uint64](seg2, "s", 1024)
	p, err := r.Producer()
	if err != nil {
		t.Fatal(err)
	}
	c, err := r2.Consumer()
	if err != nil {
		t.Fatal(err)
	}
	const N = 3000000
	go func() {
		for i := uint64(0); i < N; i++ {
			p.Push(ctx, i)
		}
		p.Close()
	}()
	start := time.Now()
	n := uint64(0)
	for v := range c.All(ctx) {
		if v != n {
			t.Fatal(v, n)
		}
		n++
	}
	t.Log("spsc", n, time.Since(start)/N)
	q, err := ring.NewMPMC[uint64](seg, "m", 1024)
	if err != nil {
		t.Fatal(err)
	}
	q2, _ := ring.NewMPMC[uint64](seg2, "m", 1024)
	go func() {
		for i := uint64(0); i < N; i++ {
			q.Push(ctx, i)
		}
		q.Close()
	}()
	start = time.Now()
	n = 0
	for v := range q2.All(ctx) {
		if v != n {
			t.Fatal(v, n)
		}
		n++
	}
	t.Log("mpmc", n, time.Since(start)/N)
}
