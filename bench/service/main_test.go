//go:build linux

package main

import (
	"os/exec"
	"path/filepath"
	"testing"
)

func TestService(t *testing.T) {
	path := filepath.Join(t.TempDir(), "service")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	out, err := exec.Command(path).CombinedOutput()
	if want := "NOT_SERVING\nSERVING\n"; err != nil || string(out) != want {
		t.Errorf("%q, want %q; %v", out, want, err)
	}
	if out, err := exec.Command(path, "nobody's").CombinedOutput(); err == nil {
		t.Errorf("a child alone: %s", out)
	}
}
