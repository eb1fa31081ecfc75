package hostile

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/shm"
)

func TestMain(m *testing.M) {
	if os.Getenv(envRole) == "zombie" {
		becomeZombie(os.Args[1])
		return
	}
	proctest.Main(m)
}

var (
	runs     = flag.Int64("hostile.runs", 20000, "how many programs TestOperations runs")
	seedFlag = flag.Uint64("hostile.seed", 0, "seed of the programs, 0 for a new one")
	first    = flag.Int64("hostile.first", 0, "the first block of programs to run")
)

// worlds makes worlds as they are needed, and closes them at the end of a test.
type worlds [26]*world

func (ws *worlds) get(n int) (*world, error) {
	if ws[n] != nil {
		return ws[n], nil
	}
	w, err := newWorld(n)
	ws[n] = w
	return w, err
}

func (ws *worlds) close() (total tally, err error) {
	for _, w := range ws {
		if w != nil {
			total.add(w.tally)
			err = errors.Join(err, w.close())
		}
	}
	return total, err
}

// shortSlice lets sleepers look often whether the segment was restored, of which
// nobody tells them.
func shortSlice(tb testing.TB) {
	proctest.Mortal(tb)
	wait.SetSlice(2 * patience)
}

// TestOperations runs programs made at random, and counts what they did.
func TestOperations(t *testing.T) {
	runBlocks(t, *runs, func(w *world, rnd *rand.Rand) error {
		w.tally.programs++
		return w.play(parse(randomProgram(rnd)))
	})
}

// TestOpen opens files made at random, a hundred times fewer.
func TestOpen(t *testing.T) {
	runBlocks(t, *runs/100, func(w *world, rnd *rand.Rand) error {
		data := randomProgram(rnd)
		w.tally.programs++
		return w.openAnd(w.file(data), parse(data))
	})
}

func randomProgram(rnd *rand.Rand) []byte {
	data := make([]byte, headBytes+stepBytes*(1+rnd.IntN(maxSteps)))
	for i := range data {
		data[i] = byte(rnd.Uint32())
	}
	return data
}

// block is how many programs run in one world without attaching anew.
const block = 64

// runBlocks calls run n times with programs made at random, in blocks.
func runBlocks(t *testing.T, n int64, run func(w *world, rnd *rand.Rand) error) {
	proctest.NoLeaks(t)
	shortSlice(t)
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	var next atomic.Int64
	next.Store(*first)
	last := *first + (n+block-1)/block
	var mu sync.Mutex
	var total tally
	var group sync.WaitGroup
	start := time.Now()
	for range 2 * runtime.GOMAXPROCS(0) { // some of them sleep
		group.Go(func() {
			debug.SetPanicOnFault(true)
			var ws worlds
			for b := next.Add(1) - 1; b < last && !t.Failed(); b = next.Add(1) - 1 {
				w, err := ws.get(int(b % int64(len(kinds))))
				if err == nil {
					err = w.reopen()
				}
				rnd := rand.New(rand.NewPCG(seed, uint64(b)))
				for i := 0; i < block && err == nil; i++ {
					err = run(w, rnd)
				}
				if err != nil {
					t.Errorf("%v\nrun again with -hostile.seed=%d -hostile.first=%d", err, seed, b)
				}
			}
			sum, err := ws.close()
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			total.add(sum)
			mu.Unlock()
		})
	}
	group.Wait()
	t.Logf("%v; seed %d, %v", total, seed, time.Since(start).Round(time.Millisecond))
}

// FuzzOperations runs one program.
func FuzzOperations(f *testing.F) {
	for n := range len(kinds) {
		f.Add([]byte{byte(n), byte(n + 1), 0, 1, 0, 0, 9, 0x80, 0, 0, 1, 5, 128, 0, 77, 0x80, 1, 0, 16})
	}
	shortSlice(f)
	var ws worlds
	f.Cleanup(func() { ws.close() })
	f.Fuzz(func(t *testing.T, data []byte) {
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		p := parse(data)
		w, err := ws.get(p.world)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.reopen(); err != nil {
			t.Fatal(err)
		}
		if err := w.play(p); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzOpen opens a file: the bytes themselves, or a segment with patches all
// over it, and one byte or so too many or too few. If it opens, its objects are
// used.
func FuzzOpen(f *testing.F) {
	f.Add([]byte("ISTHMUS\x00"))
	for n := range len(kinds) {
		f.Add([]byte{byte(n), 1, 0, 1, 48, 33, byte(n), 0x80, 0, 0, 1, 0x80, 1, byte(n), 16})
	}
	shortSlice(f)
	var ws worlds
	f.Cleanup(func() { ws.close() })
	f.Fuzz(func(t *testing.T, data []byte) {
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		p := parse(data)
		w, err := ws.get(p.world)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.openAnd(w.file(data), p); err != nil {
			t.Fatal(err)
		}
	})
}

// file makes the content of a file: the data, or the segment with the patches of
// the program that they are, and perhaps with the wrong size.
func (w *world) file(data []byte) []byte {
	p := parse(data)
	if p.part == 0 {
		return data
	}
	content := append([]byte(nil), w.image...)
	where := w.parts[int(p.part)%len(w.parts)]
	if p.part%4 == 1 {
		where = part{"", 0, 64} // the header
	}
	for _, s := range p.steps {
		if s.isPatch() {
			s.apply(content, where, w.ids())
		}
	}
	if p.storm {
		content = append(content, content...)[:len(content)-3+len(p.steps)]
	}
	return content
}

// openAnd opens a file with the content, and runs the operations of a program on
// those of its objects that can be had.
func (w *world) openAnd(content []byte, p program) (err error) {
	fd, err := unix.MemfdCreate("fuzzed", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), "fuzzed")
	defer file.Close()
	if _, err := file.Write(content); err != nil {
		return err
	}
	seg, fence, err := openFenced(file, max(len(content), 1))
	if err != nil {
		if isDocumented(err) {
			w.tally.refused++
			return nil
		}
		return fmt.Errorf("undocumented error: %w", err)
	}
	defer fence.remove()
	// Whoever waits for an owner here waits until the segment is closed.
	visitor := &world{handles: &handles{seg: seg}, watch: newWatch(func() { seg.Close() })}
	defer func() {
		visitor.watch.close()
		w.tally.add(visitor.tally)
		if e := seg.Close(); !errors.Is(e, shm.ErrSegmentClosed) {
			err = errors.Join(err, e)
		}
	}()
	for _, kind := range kinds {
		if err := visitor.open(kind); !isDocumented(err) {
			return fmt.Errorf("undocumented error: %w", err)
		}
	}
	visitor.claim("")
	for i, s := range p.steps {
		if s.isPatch() {
			continue
		}
		kind := s.kind()
		op := s.operation(operations[kind])
		if err := visitor.run(kind, op, s[3]); err != nil {
			if errors.Is(err, shm.ErrSegmentClosed) {
				break
			}
			return fmt.Errorf("step %d, %s of %s in %+v: %w", i, op.name, kind, p, err)
		}
	}
	return nil
}
