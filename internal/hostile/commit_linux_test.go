package hostile

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// squeezed closes a segment under goroutines that use it, when the kernel will
// promise less memory than the segment has, and opens it again.
var _ = proctest.Register("squeezed", func(c *proctest.Child) {
	const size = 64 << 20
	type page [4096]byte
	opts := &shm.Options{Dir: c.Arg(0)}
	s, err := shm.Create("large", size, opts)
	c.Check(err)
	defer shm.Remove("large", opts)
	q, err := ring.NewMPMC[page](s, "queue", 4096)
	c.Check(err)
	a, err := shm.NewArray[uint64](s, "array", 1<<20)
	c.Check(err)
	var begun, ended sync.WaitGroup
	for _, use := range []func() error{
		func() error { return q.TryPush(page{1}) },
		func() error { _, err := q.TryPop(); return err },
		func() (err error) {
			defer func() { err, _ = recover().(error) }()
			for i := range a.Len() {
				a.Store(i, 1)
			}
			return nil
		},
	} {
		begun.Add(1)
		ended.Go(func() {
			err := use()
			begun.Done()
			for !errors.Is(err, shm.ErrSegmentClosed) {
				err = use()
			}
		})
	}
	begun.Wait()
	ballast := leave(c, size/2)
	c.Send(s.Close())
	ended.Wait()
	c.Send("ended")
	_, err = shm.Open("large", opts)
	c.Send(nameOf(err))
	c.Send(err)
	c.Check(unix.Munmap(ballast))
	s, err = shm.Open("large", opts)
	c.Check(err)
	c.Send(s.Close())
	runtime.KeepAlive(q)
})

// leave takes all that the kernel will promise but for some bytes.
func leave(c *proctest.Child, bytes int) []byte {
	b, err := os.ReadFile("/proc/meminfo")
	c.Check(err)
	var limit, committed int
	for line := range strings.Lines(string(b)) {
		fmt.Sscanf(line, "CommitLimit: %d kB", &limit)
		fmt.Sscanf(line, "Committed_AS: %d kB", &committed)
	}
	ballast, err := unix.Mmap(-1, 0, (limit-committed)<<10-bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	c.Check(err)
	return ballast
}

// TestCommitLimit has Close find too little memory, which costs nobody anything:
// it was Open that took what Close needs, or said that it is not there.
func TestCommitLimit(t *testing.T) {
	if b, err := os.ReadFile("/proc/sys/vm/overcommit_memory"); err != nil || strings.TrimSpace(string(b)) != "2" {
		proctest.MaySkip("squeezed")
		t.Skip("needs vm.overcommit_memory=2, as the machine of .ci/overcommit has it")
	}
	opts := houseDir(t)
	p := proctest.Start(t, "squeezed", opts.Dir)
	p.Expect(nil)
	p.Expect("ended")
	p.Expect(shm.ErrSpace)
	if line := p.Recv(); !strings.Contains(line, "vm.overcommit_memory") {
		t.Errorf("Open: %s", line)
	}
	p.Expect(nil)
	p.Wait()
}
