package examples

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m) }

// TestPrograms runs each program twice: nothing of the first run is in the way of the
// second.
func TestPrograms(t *testing.T) {
	var squares, requests []string
	for n := range 20 {
		squares = append(squares, fmt.Sprintln(n, n*n))
	}
	squares[13] = "13 kills its workers\n"
	for client := range 3 {
		for n := 10 * client; n < 10*client+4; n++ {
			requests = append(requests, fmt.Sprintln(n, n*n))
		}
	}
	plain := strings.SplitAfter("0\n1\n4\n9\n16\n25\n36\n49\n64\n81\n", "\n")
	for _, program := range []struct {
		name   string
		output []string // its lines, in any order if sorted
		sorted bool
	}{
		{"squares", plain, false},
		{"supervisor", squares, false},
		{"request", requests, true},
		{"web", plain, false},
		{"manager", append(slices.Clone(squares[:10]), "numbers: 10\n"), false},
	} {
		t.Run(program.name, func(t *testing.T) {
			if (program.name == "web" || program.name == "manager") && runtime.GOOS != "linux" {
				t.Skip("connections need Linux")
			}
			dir := proctest.Dir(t)
			path := filepath.Join(t.TempDir(), program.name+".exe")
			if out, err := exec.Command("go", "build", "-o", path, "./"+program.name).CombinedOutput(); err != nil {
				t.Fatalf("build: %v\n%s", err, out)
			}
			// A child without a parent breaks nothing.
			if out, err := exec.Command(path, "nobody's", "0").CombinedOutput(); err == nil || !strings.Contains(string(out), "nobody's") {
				t.Errorf("a child alone: %v\n%s", err, out)
			}
			for range 2 {
				out, err := exec.Command(path).CombinedOutput()
				lines := strings.SplitAfter(string(out), "\n")
				if program.sorted {
					slices.Sort(lines)
					slices.Sort(program.output)
				}
				if err != nil || strings.Join(lines, "") != strings.Join(program.output, "") {
					t.Errorf("%v\n%s", err, out)
				}
			}
			if left, err := os.ReadDir(dir); len(left) != 0 || err != nil {
				t.Errorf("left in the directory: %v, %v", left, err)
			}
		})
	}
}
