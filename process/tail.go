package process

import (
	"io"
	"os"
	"sync"
	"time"
)

// tailSize is how much of the standard error of a process is kept.
const tailSize = 4096

// A tail reads what a process prints, keeps the end, and passes all of it on. While it passes
// something on, it reads nothing more, and the process waits. At the end of the process, it keeps
// what the pipe has, even if next takes long.
type tail struct {
	pipe   *os.File
	next   io.Writer     // or nil
	passed chan struct{} // closed when all was passed on

	mu      sync.Mutex
	kept    []byte
	passing bool
	late    bool   // since cut
	rest    []byte // what was kept since, and copy passes on
}

// copy runs until the end of the pipe, or cut.
func (t *tail) copy() {
	defer close(t.passed)
	b := make([]byte, 1<<15)
	for {
		n, err := t.pipe.Read(b)
		t.pass(b[:n])
		if err != nil {
			break
		}
	}
	t.pass(nil)
	t.write(t.rest)
}

// pass keeps b, and passes it on.
func (t *tail) pass(b []byte) {
	t.mu.Lock()
	t.keep(b)
	t.passing = true
	t.keepRest()
	t.mu.Unlock()
	t.write(b)
	t.mu.Lock()
	t.passing = false
	t.mu.Unlock()
}

// write writes to next. That next fails must not keep the process from printing.
func (t *tail) write(b []byte) {
	if t.next == nil || len(b) == 0 {
		return
	}
	if f, ok := t.next.(*os.File); ok {
		write(f, b)
	} else {
		t.next.Write(b)
	}
}

func (t *tail) keep(b []byte) {
	end := b[max(0, len(b)-tailSize):]
	t.kept = append(t.kept[max(0, min(len(t.kept), len(t.kept)+len(end)-tailSize)):], end...)
}

// cut makes copy end with what the pipe has. If copy is held up, it is kept without it.
func (t *tail) cut() {
	hurry(t.pipe)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.late = true
	if t.passing {
		t.keepRest()
	}
}

// keepRest keeps what the pipe has if nothing more is waited for.
func (t *tail) keepRest() {
	if t.late {
		b := available(t.pipe)
		t.keep(b)
		t.rest = append(t.rest, b...)
	}
}

// finish waits for copy. It does not wait long for a file, which nobody who waits for the process
// has to himself. Any other writer may be read when the process is done.
func (t *tail) finish() {
	if _, file := t.next.(*os.File); file {
		late := time.NewTimer(2 * waitDelay)
		defer late.Stop()
		select {
		case <-t.passed:
		case <-late.C:
		}
	} else {
		<-t.passed
	}
	t.pipe.Close()
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}

// hurry makes who reads f return.
func hurry(f *os.File) {
	if f.SetReadDeadline(time.Now()) != nil {
		f.Close()
	}
}
