package main

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// TestColumns lists a segment beside files that are none: its columns stay under their names.
func TestColumns(t *testing.T) {
	shared.Named(t)
	dir := filepath.Dir(proctest.Must(shm.Inspect(shared.Name, nil))(t).Path)
	for _, name := range []string{"isthmus.a", "isthmus.z"} {
		proctest.Check(t, os.WriteFile(filepath.Join(dir, name), []byte("no segment"), 0o600))
		defer os.Remove(filepath.Join(dir, name))
	}
	out := expect(t, exitDamaged, "ls")
	lines := strings.Split(out, "\n")
	for _, line := range lines[1:4] {
		if len(line) <= strings.Index(lines[0], "OBJECTS") || line[strings.Index(lines[0], "BYTES")-1] != ' ' {
			t.Errorf("columns are not aligned:\n%s", out)
			break
		}
	}
	if !strings.Contains(out, "fault: a ") || !strings.Contains(out, "fault: z ") {
		t.Error(out)
	}
}

// TestNames completes no name that would not be shown as it is.
func TestNames(t *testing.T) {
	dir := proctest.Dir(t)
	path := filepath.Join(dir, "isthmus.ab\u202ecd")
	proctest.Check(t, os.WriteFile(path, []byte("no segment"), 0o600))
	defer os.Remove(path)
	if _, out, _ := isthmus(t, "__complete", "show", ""); strings.Contains(out, "\u202e") {
		t.Errorf("%q", out)
	}
}

// TestFast has positions that a hostile program has written.
func TestFast(t *testing.T) {
	rate := 1e28
	if s := perSecond(&rate, "bytes"); strings.HasPrefix(s, "-") {
		t.Error(s)
	}
}

func TestNegative(t *testing.T) {
	s := shared.Named(t)
	proctest.Must(ring.NewBytes(s.Segment, "log", 1<<12))(t)
	if code, _, errs := isthmus(t, "watch", shared.Name, "log", "-bytes=-1", "-n1"); code != exitUsage || !strings.Contains(errs, "-1 bytes") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// TestTopEnds compares the exit code of top with that of show.
func TestTopEnds(t *testing.T) {
	proctest.Mortal(t)
	proctest.Dir(t)
	p := keep(t)
	defer shm.Remove(shared.Name, nil)
	p.Kill()
	expect(t, exitDead, "top", "-n1", "-d1ms")
	if runtime.GOOS == "windows" {
		return
	}
	cmd := program(t, "top", "-json", "-d1ms")
	out := proctest.Must(cmd.StdoutPipe())(t)
	proctest.Check(t, cmd.Start())
	proctest.Must(bufio.NewReader(out).ReadString('\n'))(t)
	proctest.Check(t, cmd.Process.Signal(os.Interrupt))
	if cmd.Wait(); cmd.ProcessState.ExitCode() != exitDead {
		t.Error(cmd.ProcessState)
	}
}

// TestStalledOutput ends a watch whose output nobody reads.
func TestStalledOutput(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no process sends a signal to another one")
	}
	s := shared.Named(t)
	b := proctest.Must(ring.NewBytes(s.Segment, "log", 1<<19))(t)
	p := proctest.Must(b.Producer())(t)
	for range 3 {
		proctest.Check(t, p.TryPush([]byte(strings.Repeat("a", 1<<17)))) // more than a pipe takes
	}
	cmd := program(t, "watch", shared.Name, "log", "-oldest", "-bytes=0")
	out := proctest.Must(cmd.StdoutPipe())(t)
	proctest.Check(t, cmd.Start())
	proctest.Must(out.Read(make([]byte, 1)))(t)
	ended := proctest.Go(func() error { cmd.Process.Wait(); return nil })
	defer cmd.Process.Kill()
	proctest.Until(t, "it has ended", func() bool {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
			return true
		case <-time.After(50 * time.Millisecond):
			return false
		}
	})
}

// TestFull says once that what is written does not fit.
func TestFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	s := shared.Named(t)
	proctest.Must(ring.NewBytes(s.Segment, "log", 1<<12))(t)
	cmd := program(t, "watch", shared.Name, "log")
	var errs strings.Builder
	cmd.Stdout, cmd.Stderr = full, &errs
	proctest.Check(t, cmd.Start())
	defer cmd.Process.Kill()
	proctest.Result(t, proctest.Go(func() error { cmd.Wait(); return nil }))
	if code := cmd.ProcessState.ExitCode(); code != exitError || strings.Count(errs.String(), "\n") != 1 {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
}
