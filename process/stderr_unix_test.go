//go:build unix

package process_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
)

// manyLines is more lines than one read takes, and less than a pipe.
const manyLines = 4500

// A slow writer takes nothing before it is told to.
type slow struct {
	goOn <-chan struct{}
	all  *strings.Builder
}

func (w slow) Write(p []byte) (int, error) {
	<-w.goOn
	return w.all.Write(p)
}

// TestStderrSlow shows that what is in the pipe at the end is kept, and passed on, however long
// that takes.
func TestStderrSlow(t *testing.T) {
	goOn := make(chan struct{})
	w := slow{goOn, &strings.Builder{}}
	p := start(t, prints, manyLines, &process.Options{Command: func(c *exec.Cmd) { c.Stdout, c.Stderr = nil, w }})
	proctest.Until(t, "the end of what was printed", func() bool { return strings.HasSuffix(process.Kept(p), "line 4499\n") })
	close(goOn)
	exit(t, p)
	if n := strings.Count(w.all.String(), "\n"); n != manyLines {
		t.Errorf("%d lines were passed on", n)
	}
}

// TestStderrBlocked shows that a file that takes nothing more does not hold Wait up.
func TestStderrBlocked(t *testing.T) {
	r, w, err := os.Pipe()
	proctest.Check(t, err)
	defer r.Close()
	defer w.Close()
	proctest.Check(t, w.SetWriteDeadline(time.Now().Add(10*time.Millisecond)))
	for err == nil {
		_, err = w.Write(make([]byte, 4096))
	}
	proctest.Check(t, w.SetWriteDeadline(time.Time{}))
	e := exit(t, start(t, prints, manyLines, &process.Options{Command: func(c *exec.Cmd) { c.Stdout, c.Stderr = nil, w }}))
	if !strings.HasSuffix(e.Stderr, "line 4499\n") {
		t.Errorf("kept is %q", e.Stderr)
	}
}
