package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The two sides of a row are two processes, and no thread of either may run
// on the other's CPU.
func TestPeersArePinnedApart(t *testing.T) {
	cpus := cpuPair()
	if cpus == nil {
		t.Skip("one CPU only")
	}
	s := mustStart(t, "roundtrip/pipe/default/8")
	if _, err := s.run(command{Ops: 10}); err != nil {
		t.Fatal(err)
	}
	if len(s.peers) != 2 {
		t.Fatalf("%d processes, want 2", len(s.peers))
	}
	for side, p := range s.peers {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", p.cmd.Process.Pid))
		if err != nil || len(threads) == 0 {
			t.Fatalf("no threads of side %d: %v", side, err)
		}
		for _, path := range threads {
			if got, want := allowedList(t, path), fmt.Sprint(cpus[side]); got != want {
				t.Errorf("%s may run on CPUs %s, want %s", path, got, want)
			}
		}
	}
	if got := allowedCPUs(); len(got) < 2 {
		t.Errorf("after starting peers, this process is left with CPUs %v", got)
	}
}

// A peer that is gone is an error at once, not a hang.
func TestKilledPeerEndsTheRow(t *testing.T) {
	s := mustStart(t, "stream/pipe/8/1")
	if err := s.peers[1].cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.run(command{Ops: 1 << 30}); err == nil {
		t.Error("no error from a row whose receiver was killed")
	}
}

func TestInterruptLeavesNothingBehind(t *testing.T) {
	tmp := t.TempDir()
	mark := "ISTHMUS_BENCH_TEST=" + filepath.Base(tmp) + fmt.Sprint(os.Getpid())
	cmd := exec.Command(os.Args[0], "-quick", "-run", "^roundtrip/(ring.SPSC|pipe)/|^lock/")
	cmd.Env = append(os.Environ(), mainEnv+"=1", mark, "TMPDIR="+tmp, "ISTHMUS_DIR="+tmp)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(patience(), func() { cmd.Process.Kill() })
	defer watchdog.Stop()
	lines := bufio.NewScanner(stderr)
	for lines.Scan() && !strings.Contains(lines.Text(), "round 2") {
	}
	if got := marked(t, mark); len(got) < 1 {
		t.Errorf("%d processes in the middle of the run", len(got))
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	err = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("interrupted program ended with %v, want exit status 1", err)
	}
	if got := marked(t, mark); len(got) > 0 {
		t.Errorf("processes %v are left", got)
	}
	if left, _ := os.ReadDir(tmp); len(left) > 0 {
		t.Errorf("files %v are left", left)
	}
	shared, err := filepath.Glob(fmt.Sprintf("/dev/shm/isthmus-bench-%d-*", cmd.Process.Pid))
	if err != nil || len(shared) > 0 {
		t.Errorf("files %v are left (%v)", shared, err)
	}
}

// marked returns the processes that have mark in their environment.
func marked(t *testing.T, mark string) []string {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, path := range environs {
		env, err := os.ReadFile(path)
		if err == nil && slices.Contains(strings.Split(string(env), "\x00"), mark) {
			found = append(found, path)
		}
	}
	return found
}
