package main

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// poolRowsOf are the rows of a pool with workers, one of each kind.
func poolRowsOf(t *testing.T) []string {
	t.Helper()
	names := []string{"pool/process.Pool/call/8", "pool/pipe/call/8"}
	if python() == "" {
		t.Log("no python3 with multiprocessing")
		return names
	}
	return append(names, "pool/python.Pool/call/8", "pool/python.ProcessPoolExecutor/call/8")
}

// A pool has two workers, which may run on both CPUs, as their parent may. They end with the session.
func TestPoolWorkers(t *testing.T) {
	for _, name := range poolRowsOf(t) {
		t.Run(name, func(t *testing.T) {
			s := mustStart(t, name)
			if _, err := s.run(command{Ops: 10}); err != nil {
				t.Fatal(err)
			}
			parent := s.peers[0].cmd.Process.Pid
			workers := children(t, parent)
			if len(s.peers) != 1 || len(workers) != poolWorkers {
				t.Fatalf("%d peers and %d workers, want one and %d", len(s.peers), len(workers), poolWorkers)
			}
			for _, pid := range append(workers, parent) {
				cpus := cpuPair()
				if cpus == nil || cpus[1] != cpus[0]+1 {
					continue
				}
				if got, want := allowedList(t, fmt.Sprintf("/proc/%d", pid)), fmt.Sprintf("%d-%d", cpus[0], cpus[1]); got != want {
					t.Errorf("a process runs on CPUs %s, want %s", got, want)
				}
			}
			s.close()
			for _, pid := range workers {
				deadline := time.Now().Add(patience())
				for syscall.Kill(pid, 0) == nil && time.Now().Before(deadline) && !zombie(pid) {
					time.Sleep(time.Millisecond)
				}
				if syscall.Kill(pid, 0) == nil && !zombie(pid) {
					t.Errorf("worker %d goes on after the session's end", pid)
				}
			}
		})
	}
}

// The workers of a pool over pipes that are killed are an error, and no hang.
func TestKilledPipeWorkers(t *testing.T) {
	s := mustStart(t, "pool/pipe/go/8")
	for _, pid := range children(t, s.peers[0].cmd.Process.Pid) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.run(command{Ops: 1 << 20}); err == nil {
		t.Error("no error from a row whose workers were killed")
	}
}
