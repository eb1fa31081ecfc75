package proctest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

const dirPattern = "isthmus-proctest-*"

// runDir holds the directories that Dir makes in this run.
var runDir string

// makeRunDir makes the run's directory, on /dev/shm where that is a tmpfs, else in
// the temporary directory.
func makeRunDir() (err error) {
	parent := os.TempDir()
	if isTmpfs("/dev/shm") {
		parent = "/dev/shm"
	}
	removeStale(parent)
	for {
		runDir, err = os.MkdirTemp(parent, dirPattern)
		// Until it is claimed, another run may take it for a stale one.
		if err != nil || claim(runDir) {
			return err
		}
		os.RemoveAll(runDir)
	}
}

// Dir returns a new directory, and makes it the segment directory of the test
// and of the helpers it starts, through the environment variable ISTHMUS_DIR.
// It is on /dev/shm where that is a tmpfs, else in the temporary directory. At
// the end of the test it is removed, and a file left in it fails the test. The
// test must not be parallel.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(runDir, "")
	if err != nil {
		t.Fatalf("proctest: %v", err)
	}
	t.Setenv(envDir, dir)
	t.Cleanup(func() {
		if !t.Failed() {
			for _, fault := range leftovers(dir) {
				t.Errorf("proctest: %s", fault)
			}
		}
		// Windows refuses while this process has a file in it mapped: until a
		// closed segment is garbage, perhaps to its end.
		if err := os.RemoveAll(dir); err != nil && runtime.GOOS != "windows" {
			t.Errorf("proctest: %v", err)
		}
	})
	return dir
}

// leftovers names what is left in a segment directory. On Windows a removed file
// that is still mapped is called a draft, and its directory stays.
func leftovers(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return []string{err.Error()}
	}
	var faults []string
	for _, e := range entries {
		if runtime.GOOS == "windows" && (e.IsDir() || strings.HasPrefix(e.Name(), ".isthmus-draft-")) {
			continue
		}
		faults = append(faults, fmt.Sprintf("file %q was left in the segment directory", e.Name()))
	}
	return faults
}
