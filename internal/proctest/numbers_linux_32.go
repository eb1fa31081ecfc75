//go:build linux && (386 || arm || mips || mipsle)

package proctest

import "golang.org/x/sys/unix"

const (
	sysFcntl = unix.SYS_FCNTL64
	sysMmap  = unix.SYS_MMAP2
)
