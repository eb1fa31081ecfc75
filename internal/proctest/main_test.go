package proctest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// TestMainFails runs this binary with a test that leaves something behind, or that
// misses a wake-up.
func TestMainFails(t *testing.T) {
	if what := os.Getenv("PROCTEST_LEAVE"); what != "" {
		leave(t, what)
		return
	}
	want := map[string]string{"nothing": "PASS", "file": "isthmus.left",
		"wake-up": "1 wake-ups were lost", "wake-up by the dead": "PASS"}
	if runtime.GOOS == "linux" {
		want["process"], want["fd"] = "was left running", "was left open"
	}
	for what, want := range want {
		t.Run(what, func(t *testing.T) {
			out, err := runLeaving(t, what)
			if (err == nil) != (want == "PASS") || !strings.Contains(out, want) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// TestStaleDir has a run die, and the next one remove its directory.
func TestStaleDir(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a dead run's directory")
	}
	out, err := runLeaving(t, "itself")
	dir, _, ok := strings.Cut(out, " is the directory")
	if err == nil || !ok {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := runLeaving(t, "nothing"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s was not removed: %v", dir, err)
	}
	if _, err := os.Stat(os.Getenv("ISTHMUS_DIR")); err != nil {
		t.Errorf("this run's directory was removed: %v", err)
	}
}

func runLeaving(t *testing.T, what string) (output string, err error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^TestMainFails$")
	cmd.Env = append(os.Environ(), "PROCTEST_LEAVE="+what)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var left *os.File

func leave(t *testing.T, what string) {
	switch what {
	case "wake-up by the dead":
		proctest.Mortal(t)
		fallthrough
	case "wake-up":
		oversleep()
	case "itself":
		fmt.Println(os.Getenv("ISTHMUS_DIR"), "is the directory")
		os.Exit(3)
	case "file":
		os.WriteFile(filepath.Join(os.Getenv("ISTHMUS_DIR"), "isthmus.left"), nil, 0o600)
	case "fd":
		left, _ = os.Open(os.Args[0])
	case "process":
		cmd := exec.Command("cat")
		cmd.StdinPipe() // ends, and cat with it, when this process does
		cmd.Start()
		go cmd.Wait()
	}
}

// oversleep waits for what comes without a wake-up.
func oversleep() {
	wait.SetSlice(time.Second)
	var word uint32
	var there atomic.Bool
	time.AfterFunc(300*time.Millisecond, func() { there.Store(true) })
	event := wait.NewEvent(&word, noFence{})
	event.Await(context.Background(), there.Load, func() {})
}

type noFence struct{}

func (noFence) Barrier() bool               { return true }
func (noFence) Census(time.Duration) uint64 { return 0 }
