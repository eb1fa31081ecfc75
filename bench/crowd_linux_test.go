package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The load uses CPU time, on the CPUs of the peers alone.
func TestLoadComputes(t *testing.T) {
	cpus := cpuPair()
	if cpus == nil {
		t.Skip("one CPU only")
	}
	cmd, err := startLoad(t.Context(), cpus)
	if err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	if got, want := allowedList(t, fmt.Sprintf("/proc/%d", pid)), fmt.Sprintf("%d-%d", cpus[0], cpus[1]); got != want && cpus[1] == cpus[0]+1 {
		t.Errorf("the load may run on CPUs %s, want %s", got, want)
	}
	deadline := time.Now().Add(patience())
	for busyTicks(t, pid) < 10 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if got := busyTicks(t, pid); got < 10 {
		t.Errorf("the load has used %d ticks of CPU time", got)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
}

// busyTicks returns the user time of a process, in ticks of 10 ms.
func busyTicks(t *testing.T, pid int) (ticks int) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, fields, _ := strings.Cut(string(stat), ") ")
	if _, err := fmt.Sscan(strings.Fields(fields)[11], &ticks); err != nil {
		t.Fatal(err)
	}
	return ticks
}

// allowedList returns the CPUs that the process or thread at path may run on.
func allowedList(t *testing.T, path string) string {
	t.Helper()
	status, err := os.ReadFile(path + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "Cpus_allowed_list:\t")
	list, _, _ := strings.Cut(rest, "\n")
	return list
}

// children returns the processes that pid has started.
func children(t *testing.T, pid int) (pids []int) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		var child, parent int
		fmt.Sscan(string(stat), &child)
		_, fields, _ := strings.Cut(string(stat), ") ")
		fmt.Sscan(strings.Fields(fields)[1], &parent)
		if parent == pid {
			pids = append(pids, child)
		}
	}
	return pids
}

func startPython(t *testing.T) *session {
	t.Helper()
	if python() == "" {
		t.Skip("no python3 with multiprocessing")
	}
	return mustStart(t, "stream/python.Queue/8/1")
}

func pythonSides(t *testing.T, s *session) []int {
	t.Helper()
	sides := children(t, s.peers[0].cmd.Process.Pid)
	if len(sides) != 2 {
		t.Fatalf("%d sides, want 2", len(sides))
	}
	return sides
}

// The sides of a row on Python's multiprocessing are two processes, pinned
// as others are, and end with their session, even in the middle of a wait.
func TestPythonSides(t *testing.T) {
	s := startPython(t)
	if _, err := s.run(command{Ops: 10}); err != nil {
		t.Fatal(err)
	}
	sides := pythonSides(t, s)
	seen := map[string]bool{}
	for _, pid := range sides {
		seen[allowedList(t, fmt.Sprintf("/proc/%d", pid))] = true
	}
	if cpus := cpuPair(); cpus != nil && (!seen[fmt.Sprint(cpus[0])] || !seen[fmt.Sprint(cpus[1])]) {
		t.Errorf("sides run on CPUs %v, want one on each of %v", seen, cpus)
	}
	s.close()
	for _, pid := range sides {
		deadline := time.Now().Add(patience())
		for syscall.Kill(pid, 0) == nil && time.Now().Before(deadline) && !zombie(pid) {
			time.Sleep(time.Millisecond)
		}
		if syscall.Kill(pid, 0) == nil && !zombie(pid) {
			t.Errorf("side %d goes on after the session's end", pid)
		}
	}
}

func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, fields, _ := strings.Cut(string(stat), ") ")
	return err == nil && strings.HasPrefix(fields, "Z")
}

// What goes wrong on a Python side is the row's error, at once.
func TestPythonSideFails(t *testing.T) {
	s := startPython(t)
	sides := pythonSides(t, s)
	for _, pid := range sides {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.run(command{Ops: 10}); err == nil {
		t.Error("no error from a row whose sides were killed")
	}
}
