package process

import (
	"os"
	"path/filepath"
)

// executable returns a path of the program that this process runs, even if its file was replaced
// or removed.
func executable() (string, error) { return "/proc/self/exe", nil }

// rename gives this process the name of its program, where tools show "exe" otherwise.
func rename() {
	if len(os.Args) > 0 {
		os.WriteFile("/proc/self/comm", []byte(filepath.Base(os.Args[0])), 0)
	}
}
