//go:build amd64 || arm64

package killtest

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// call is a system call.
type call struct {
	number int
	args   [3]uint64
}

// asleep reports whether the main thread sleeps in the kernel.
func (p *Process) asleep() bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	for i := len(b) - 1; err == nil && i > 1; i-- {
		if b[i] == ')' {
			return b[i+2] == 'S'
		}
	}
	return false
}

// sleepsIn returns the system call that the main thread sleeps in.
func (p *Process) sleepsIn() (c call, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", p.pid))
	if err != nil {
		return c, err
	}
	_, err = fmt.Sscanf(string(b), "%d 0x%x 0x%x 0x%x", &c.number, &c.args[0], &c.args[1], &c.args[2])
	return c, err
}

// futexPrivate is FUTEX_PRIVATE_FLAG: the Go runtime's own, and nobody else's.
const futexPrivate = 128

// waitsForThreads reports whether the call may wait for another thread of the
// same process.
func (c call) waitsForThreads() bool {
	const wait, waitBitset = 0, 9 // FUTEX_WAIT, FUTEX_WAIT_BITSET
	op := c.args[1]
	return c.number == unix.SYS_FUTEX && op&futexPrivate != 0 && (op&127 == wait || op&127 == waitBitset)
}

// waitsForOthers reports whether the call may wait for another process.
func (c call) waitsForOthers() bool {
	switch c.number {
	case unix.SYS_FUTEX:
		return c.args[1]&futexPrivate == 0
	case unix.SYS_FUTEX_WAITV:
		return true
	case unix.SYS_FCNTL:
		return c.args[1] == unix.F_OFD_SETLKW
	}
	return false
}
