package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// envProgram makes the test binary the program.
const envProgram = "ISTHMUS_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(envProgram) != "" {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	proctest.Main(m)
}

// program returns the program, as a process that is not started yet.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), proctest.Timeout())
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, proctest.Must(os.Executable())(t), args...)
	cmd.Env = append(os.Environ(), envProgram+"=1")
	return cmd
}

// isthmus runs the program.
func isthmus(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	cmd := program(t, args...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}

// expect runs the program, and returns what it writes. Nothing goes to standard error if all is well.
func expect(t *testing.T, code int, args ...string) string {
	t.Helper()
	got, out, errs := isthmus(t, args...)
	silent := code == exitOK || code == exitDead
	if got != code || silent && errs != "" {
		t.Fatalf("%q: exit code %d, expected %d\n%s%s", args, got, code, out, errs)
	}
	return out
}

// parsed runs the program and parses what it writes.
func parsed[T any](t *testing.T, code int, args ...string) (v T) {
	t.Helper()
	out := expect(t, code, append(args, "-json")...)
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v in\n%s", args, err, out)
	}
	return v
}

var changing = []struct {
	was *regexp.Regexp
	is  string
}{
	{regexp.MustCompile(`pid \d+`), "pid P"},
	{regexp.MustCompile(`\b\d+[dhms]\d*[hms]?\b`), "AGE"},
	{regexp.MustCompile(`uid -?\d+`), "uid U"},
	{regexp.MustCompile(`: .*isthmus\.test`), ": PATH"},
	{regexp.MustCompile(`(?m)^pid P +\d+ +\d+ +[-AGE]+`), "pid P SLOT ID AGE"},
	{regexp.MustCompile(`\d+ version`), "VERSION"},
	{regexp.MustCompile(` +`), " "},
}

// golden compares output, without what differs from run to run.
func golden(t *testing.T, out, want string) {
	t.Helper()
	for _, c := range changing {
		out = c.was.ReplaceAllString(out, c.is)
	}
	if out = strings.TrimSpace(out); out != strings.TrimSpace(want) {
		t.Errorf("output:\n%s\nexpected:\n%s", out, want)
	}
}

type leg struct {
	Price float64
	Size  int64
}

type order struct {
	ID   uint64
	Legs [2]leg
	Name [8]uint8
}

// furnish makes some objects.
func furnish(t proctest.Fataler, s *shm.Segment) (*ring.SPSC[order], *shm.Lock) {
	q := proctest.Must(ring.NewSPSC[order](s, "orders", 16))(t)
	proctest.Must(ring.NewBytes(s, "log", 1<<12))(t)
	mu := proctest.Must(shm.NewLock(s, "mu"))(t)
	sem := proctest.Must(semaphore.New(s, "sem", 4, nil))(t)
	sem.TryAcquire(3)
	proctest.Must(shm.NewEvent(s, "event"))(t)
	return q, mu
}

// keeper holds something until it is told to end, or killed.
var _ = proctest.Register("keeper", func(c *proctest.Child) {
	s := proctest.Must(shm.Create(shared.Name, 1<<16, &shm.Options{MaxProcs: 1, MaxObjects: 8}))(c)
	q, mu := furnish(c, s)
	mu.Lock()
	p := proctest.Must(q.Producer())(c)
	for id := range uint64(3) {
		c.Check(p.TryPush(order{ID: id, Legs: [2]leg{{1.5, 3}, {-2, -1}}, Name: [8]uint8{'a', 27, 'c'}}))
	}
	c.Send("keeps")
	c.Expect("close")
	c.Check(p.Close())
	c.Send("closed")
	c.Recv()
})
