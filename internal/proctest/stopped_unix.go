//go:build unix && !linux

package proctest

import (
	"os/exec"
	"strconv"
	"strings"
)

// stopped asks ps, the one interface that the other Unix systems share.
func stopped(pid int) bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.HasPrefix(strings.TrimSpace(string(out)), "T")
}
