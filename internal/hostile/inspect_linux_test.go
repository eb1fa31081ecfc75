package hostile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"unicode"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/shm"
)

// TestInspect looks at spoilt segments, forty times fewer than TestOperations plays with:
// some are spoilt meanwhile.
func TestInspect(t *testing.T) {
	opts := houseDir(t)
	var files, faulty atomic.Int64
	runBlocks(t, *runs/40, func(w *world, rnd *rand.Rand) error {
		w.tally.programs++
		p := parse(randomProgram(rnd))
		name := fmt.Sprint("spoilt", files.Add(1))
		mem, path, err := spread(w.image, opts.Dir, name)
		if err != nil {
			return err
		}
		defer os.Remove(path)
		defer unix.Munmap(mem)
		part, ids := w.parts[int(p.part)%len(w.parts)], w.ids()
		for _, s := range p.steps {
			if s.isPatch() {
				s.apply(mem, part, ids)
			}
		}
		if p.storm {
			w.storm.begin(mem, part, ids, p.steps)
			defer w.storm.end()
		}
		w.watch.begin(operation{name: "Inspect"})
		info, err := shm.Inspect(name, opts)
		w.watch.end()
		if err != nil {
			if !errors.Is(err, shm.ErrCorrupt) {
				return fmt.Errorf("%+v: %w", p, err)
			}
			w.tally.corrupt++
			return nil
		}
		if info.Free < 0 || info.Free > info.Size {
			return fmt.Errorf("%d bytes of %d are free: %+v", info.Free, info.Size, p)
		}
		faults := append([]string{}, info.Faults...)
		for _, o := range info.Objects {
			faults = append(faults, o.Faults...)
		}
		if len(faults) > 0 {
			faulty.Add(1)
		}
		text, err := json.Marshal(info)
		for _, fault := range append(faults, string(text)) {
			if strings.ContainsFunc(fault, unicode.IsControl) {
				return fmt.Errorf("%q in %+v", fault, p)
			}
		}
		return err
	})
	t.Logf("%d segments have faults", faulty.Load())
}

// spread makes a segment file of an image, and maps it.
func spread(image []byte, dir, name string) (mem []byte, path string, err error) {
	path = filepath.Join(dir, "isthmus."+name)
	if err := os.WriteFile(path, image, 0o600); err != nil {
		return nil, "", err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	mem, err = unix.Mmap(int(f.Fd()), 0, len(image), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return mem, path, err
}

// TestInspectCut looks at a segment that is cut off meanwhile.
func TestInspectCut(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector's own reads end the process if there is no file behind the memory")
	}
	opts := houseDir(t)
	w, err := newWorld(0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	mem, path, err := spread(w.image, opts.Dir, "cut")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(path)
	proctest.Check(t, unix.Munmap(mem))
	over := make(chan bool)
	cutter := proctest.Go(func() error {
		for {
			select {
			case <-over:
				return nil
			default:
			}
			if err := os.Truncate(path, rand.Int64N(int64(len(w.image)))); err != nil {
				return err
			}
			if err := os.WriteFile(path, w.image, 0o600); err != nil {
				return err
			}
		}
	})
	cut := 0
	for range proctest.Scaled(500) {
		_, err := shm.Inspect("cut", opts)
		if errors.Is(err, shm.ErrCorrupt) {
			cut++
		} else if err != nil {
			t.Error(err)
		}
	}
	close(over)
	proctest.Check(t, proctest.Result(t, cutter))
	t.Logf("%d times too much was missing", cut)
}

// visitor looks at a segment, from a mount of its directory that is read-only if there is
// to be one.
var _ = proctest.Register("visitor", func(c *proctest.Child) {
	dir := c.Arg(0)
	if len(c.Args()) > 1 {
		c.Check(unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""))
		c.Check(unix.Mount(dir, c.Arg(1), "", unix.MS_BIND, ""))
		dir = c.Arg(1)
		c.Check(unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	}
	opts := &shm.Options{Dir: dir}
	if _, err := shm.Open(houseName, opts); !errors.Is(err, unix.EROFS) && !errors.Is(err, fs.ErrPermission) {
		c.Fatalf("opened: %v", err)
	}
	info, err := shm.Inspect(houseName, opts)
	if err != nil {
		c.Send(nameOf(err))
		return
	}
	for _, o := range info.Objects {
		if s, ok := o.State.(*shm.LockState); ok {
			c.Send("owner", s.Owner.Slot, s.Owner.Alive)
		}
	}
})

// TestInspectReadOnly looks at what may only be read: as another user, and on a mount.
func TestInspectReadOnly(t *testing.T) {
	needRoot(t, "visitor")
	opts := &shm.Options{Dir: sharedDir(t)}
	h := build(t, opts)
	if got := h.do("lock"); got != fine {
		t.Fatal(got)
	}
	peers := proctest.Must(h.seg.Peers())(t)
	owner := fmt.Sprint("owner ", peers[0].Slot, " true")
	visit := func(o *proctest.Options, want string, args ...string) {
		t.Helper()
		p := proctest.StartWith(t, o, "visitor", append([]string{opts.Dir}, args...)...)
		p.Expect(want)
		p.Wait()
	}
	visit(apart(0, unix.CLONE_NEWNS), owner, t.TempDir())
	visit(as(bob), fs.ErrPermission.Error())
	path := filepath.Join(opts.Dir, "isthmus."+houseName)
	proctest.Check(t, os.Chmod(path, 0o444))
	visit(as(bob), owner)
	proctest.Check(t, os.Chown(path, bob, bob))
	proctest.Check(t, os.Chmod(path, 0o400))
	visit(as(bob), owner)
	proctest.Check(t, os.Chmod(path, 0o600))
	proctest.Check(t, os.Chown(path, 0, 0))
}
