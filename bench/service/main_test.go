//go:build linux

package main

import (
	"os"
	"os/exec"
	"testing"
)

// envMain makes this binary the program.
const envMain = "ISTHMUS_SERVICE_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(envMain) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func program(t *testing.T, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), envMain+"=1")
	return cmd
}

func TestService(t *testing.T) {
	out, err := program(t).CombinedOutput()
	if want := "NOT_SERVING\nSERVING\n"; err != nil || string(out) != want {
		t.Errorf("%q, want %q; %v", out, want, err)
	}
}

// TestClientAlone has no server.
func TestClientAlone(t *testing.T) {
	if out, err := program(t, "nobody's").CombinedOutput(); err == nil {
		t.Errorf("it ends well: %s", out)
	}
}
