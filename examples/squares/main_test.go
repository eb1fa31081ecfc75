package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m) }

// TestSquares runs the program twice: nothing of the first run is in the way of the
// second.
func TestSquares(t *testing.T) {
	dir := proctest.Dir(t)
	program := filepath.Join(t.TempDir(), "squares.exe")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	// A child without a parent breaks nothing.
	if out, err := exec.Command(program, "nobody's").CombinedOutput(); err == nil || !bytes.Contains(out, []byte(`"nobody's"`)) {
		t.Errorf("a child alone: %v\n%s", err, out)
	}
	for range 2 {
		out, err := exec.Command(program).CombinedOutput()
		if want := "0\n1\n4\n9\n16\n25\n36\n49\n64\n81\n"; err != nil || string(out) != want {
			t.Errorf("%v\n%s", err, out)
		}
	}
	if left, err := os.ReadDir(dir); len(left) != 0 || err != nil {
		t.Errorf("left in the directory: %v, %v", left, err)
	}
}

// TestREADME wants the program that the README shows to be this one.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, program, _ := strings.Cut(string(source), "package main\n")
	if !strings.Contains(string(readme), "```go\npackage main\n"+program+"```\n") {
		t.Error("the README shows another program")
	}
}
