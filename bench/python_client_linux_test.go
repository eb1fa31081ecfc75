package main

import (
	"strings"
	"syscall"
	"testing"
)

// The rows of clients/python run, and what goes wrong on a side in Python is the row's error.
func TestPythonClientRows(t *testing.T) {
	if pythonClient() == "" {
		t.Skip("no python3 that has NumPy and clients/python")
	}
	for _, r := range pythonClientRows() {
		s := mustStart(t, r.name())
		for range 2 {
			if _, err := s.run(command{Ops: 10}); err != nil {
				t.Fatalf("%s: %v", r.name(), err)
			}
		}
		if strings.HasSuffix(r.System, "SPSC") && r.Mode == "" {
			if err := syscall.Kill(s.peers[0].cmd.Process.Pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if _, err := s.run(command{Ops: 10}); err == nil {
				t.Errorf("%s: no error, and its sender was killed", r.name())
			}
		}
		s.close()
	}
}
