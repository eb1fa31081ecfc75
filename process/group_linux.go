package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// awaitEnd waits until the process has ended, and leaves it unreaped: nobody gets its
// number, which is also that of the group. It reports whether it could.
func (g *group) awaitEnd(p *os.Process) bool {
	for {
		err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}
