package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// finished is a task that has its result.
type finished struct {
	y   uint64
	err error
}

func (f finished) Wait(context.Context) (uint64, error) { return f.y, f.err }

// squarerOf is a pool whose results are those of f.
func squarerOf(f func(uint64) (uint64, error)) squarer {
	return squarer{
		call:  f,
		begin: func(x uint64) waiter { y, err := f(x); return finished{y, err} },
		all: func(xs iter.Seq[uint64]) iter.Seq2[uint64, error] {
			return func(yield func(uint64, error) bool) {
				for x := range xs {
					if !yield(f(x)) {
						return
					}
				}
			}
		},
	}
}

// Each mode runs each task once, and notices a wrong result, and an error.
func TestSquaresAreChecked(t *testing.T) {
	bad := errors.New("no square")
	for mode := range poolModes {
		for name, test := range map[string]struct {
			spoil func(x uint64) (uint64, error) // of task 1500
			want  string
		}{
			"right":  {func(x uint64) (uint64, error) { return x * x, nil }, ""},
			"wrong":  {func(x uint64) (uint64, error) { return x*x + 1, nil }, "task 1500 has"},
			"failed": {func(x uint64) (uint64, error) { return x * x, bad }, "task 1500: no square"},
		} {
			var ran []uint64
			s := squarerOf(func(x uint64) (uint64, error) {
				ran = append(ran, x)
				if x == 1500 {
					return test.spoil(x)
				}
				return x * x, nil
			})
			loop, err := s.join(row{Mode: mode})(0)
			if err != nil {
				t.Fatal(err)
			}
			err = loop(1000, 1000)
			if test.want == "" {
				if err != nil || len(ran) != 1000 || ran[0] != 1000 || ran[999] != 1999 || !slices.IsSorted(ran) {
					t.Errorf("%s: %v, %d tasks", mode, err, len(ran))
				}
			} else if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s, %s: error %v, want %q", mode, name, err, test.want)
			}
		}
	}
}

// A map that has too few results is an error.
func TestMissingResults(t *testing.T) {
	s := squarer{all: func(iter.Seq[uint64]) iter.Seq2[uint64, error] { return func(func(uint64, error) bool) {} }}
	if err := s.inChunks(0, 10); err == nil {
		t.Error("no error of no results")
	}
}

func TestFactorialsAreChecked(t *testing.T) {
	series := func(n, wrong int) iter.Seq2[*big.Int, error] {
		return func(yield func(*big.Int, error) bool) {
			for k := range n {
				f := factorialOf(k)
				if k == wrong {
					f.Add(f, big.NewInt(1))
				}
				if !yield(f, nil) {
					return
				}
			}
		}
	}
	for _, test := range []struct {
		n, wrong int
		want     string
	}{
		{factorials, -1, ""},
		{factorials, 0, "not the factorial of 0"},
		{factorials, 700, "not the factorial of 700"},
		{factorials - 1, -1, "999 factorials"},
	} {
		err := checkFactorials(series(test.n, test.wrong))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%d factorials, %d wrong: %v, want %q", test.n, test.wrong, err, test.want)
		}
	}
	bad := errors.New("bad")
	if err := checkFactorials(func(yield func(*big.Int, error) bool) { yield(nil, bad) }); err != bad {
		t.Errorf("error %v, want %v", err, bad)
	}
}

// newPipes connects a pipePool to goroutines that serve it, and returns what ends them.
func newPipes(f func(uint64) uint64) (p *pipePool[uint64, uint64], end func()) {
	p = &pipePool[uint64, uint64]{make(chan *pipeJob[uint64, uint64], outstanding)}
	var ends []io.Closer
	for range poolWorkers {
		there, here := io.Pipe()
		back, worker := io.Pipe()
		ends = append(ends, there, worker)
		ahead := make(chan *pipeJob[uint64, uint64], outstanding/poolWorkers)
		go p.send(here, ahead)
		go p.receive(back, ahead)
		go servePipe(there, worker, f)
	}
	return p, func() {
		for _, e := range ends {
			e.Close()
		}
	}
}

// Nothing waits for what another holds back, however the jobs fall to the workers.
func TestPipePool(t *testing.T) {
	p, end := newPipes(func(x uint64) uint64 { return x * x })
	defer end()
	for mode := range poolModes {
		loop, err := squarerOn(p).join(row{Mode: mode})(0)
		if err != nil {
			t.Fatal(err)
		}
		for seq := uint64(0); seq < 20_000; seq += 500 {
			if err := loop(seq, 500); err != nil {
				t.Errorf("%s: %v", mode, err)
			}
		}
	}
}

// Results come in the order of their tasks, whole chunks or not.
func TestPipePoolChunks(t *testing.T) {
	p, end := newPipes(func(x uint64) uint64 { return 10 * x })
	defer end()
	for _, n := range []uint64{0, 1, 7, 8, 9, 1000} {
		next := uint64(0)
		for y, err := range p.all(below(n), 8) {
			if err != nil || y != 10*next {
				t.Fatalf("result %d is %d, %v", next, y, err)
			}
			next++
		}
		if next != n {
			t.Errorf("%d results, want %d", next, n)
		}
	}
	for range p.all(below(uint64(1000)), 8) {
		break // what is under way is nobody's
	}
	if y, err := p.begin(7).Wait(t.Context()); err != nil || y != 70 {
		t.Errorf("afterwards: %d, %v", y, err)
	}
}

// After the end of the workers, tasks have errors.
func TestPipePoolEnds(t *testing.T) {
	p, end := newPipes(func(x uint64) uint64 { return x })
	end()
	for x := range uint64(10) {
		if _, err := p.begin(x).Wait(t.Context()); err == nil {
			t.Error("a result of a worker that has ended")
		}
	}
	for _, err := range p.all(below(uint64(1000)), 8) {
		if err == nil {
			t.Error("a result of a worker that has ended")
		}
	}
}
