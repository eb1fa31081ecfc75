package process_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/process"
)

// broken starts a process, and itself dies of SIGPIPE if it writes to a standard output or error
// that nobody reads.
var broken = process.Register("broken", func(ctx context.Context, what string) error {
	signal.Reset(unix.SIGPIPE)
	opts := &process.Options{}
	switch what {
	case "launch": // the writing end is number 1, and nobody reads the other
		os.Stdin.Close()
		os.Stdout.Close()
		opts.Command = func(c *exec.Cmd) { c.Path = "/bin/true" }
	case "stderr":
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		defer w.Close()
		r.Close()
		if err := unix.Dup2(int(w.Fd()), 2); err != nil {
			return err
		}
	}
	p, err := process.Start(ctx, printsMuch, make([]byte, 1<<20), opts)
	if err != nil {
		return err
	}
	p.Wait()
	return errors.New("alive")
})

var printsMuch = process.Register("prints much", func(_ context.Context, b []byte) error {
	_, err := os.Stderr.WriteString(strings.Repeat("printed\n", len(b)/8))
	return err
})

// TestBrokenPipe shows that no process dies of SIGPIPE by what one does that it has started.
func TestBrokenPipe(t *testing.T) {
	for _, what := range []string{"launch", "stderr"} {
		if e := exit(t, start(t, broken, what, nil)); e.Err != "alive" {
			t.Errorf("%s: the process has ended as %v", what, e)
		}
	}
}
