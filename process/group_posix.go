//go:build unix && !linux

package process

import "os"

// awaitEnd waits for nothing: the group is killed when the process is reaped.
func (g *group) awaitEnd(*os.Process) bool { return false }
