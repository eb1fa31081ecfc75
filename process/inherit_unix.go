//go:build unix

package process

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

const supported = true

// pipe makes a pipe of which no process inherits an end.
func pipe() (r, w *os.File, err error) { return os.Pipe() }

// bequeath makes the process inherit the files, and returns their numbers there.
func bequeath(cmd *exec.Cmd, files []*os.File) (numbers []string, err error) {
	const stdio = 3
	for _, f := range files {
		numbers = append(numbers, decimal(uintptr(stdio+len(cmd.ExtraFiles))))
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	return numbers, nil
}

// inherit returns the file of that number, which nobody inherits from now on.
func inherit(fd uintptr, poll bool) *os.File {
	syscall.CloseOnExec(int(fd))
	if poll {
		syscall.SetNonblock(int(fd), true) // who reads it takes no thread
	}
	return os.NewFile(fd, "inherited")
}

// write writes b to f. If nobody reads that, and f is standard output or error, f.Write ends this
// process by SIGPIPE; write does not.
func write(f *os.File, b []byte) {
	c, err := f.SyscallConn()
	if err != nil {
		return
	}
	c.Write(func(fd uintptr) bool {
		for len(b) > 0 {
			n, err := syscall.Write(int(fd), b[:min(len(b), 1<<30)])
			switch err {
			case nil:
				b = b[n:]
			case syscall.EINTR:
			default:
				return err != syscall.EAGAIN
			}
		}
		return true
	})
}

// available returns what a pipe has, and does not wait for more.
func available(r *os.File) (b []byte) {
	c, err := r.SyscallConn()
	if err != nil {
		return nil
	}
	c.Control(func(fd uintptr) {
		b = make([]byte, 1<<16) // the size of a pipe
		n, _ := syscall.Read(int(fd), b)
		b = b[:max(0, n)]
	})
	return b
}

// survive keeps the process from being killed when it writes to a standard error that the parent
// no longer reads: it may be no Daemon, or has its group to kill first. What it starts does not
// inherit that.
func survive() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// die kills this process, and its group if that is its own.
func die(group bool) {
	pid := syscall.Getpid()
	if group {
		syscall.Kill(-pid, syscall.SIGKILL)
	}
	syscall.Kill(pid, syscall.SIGKILL)
	syscall.Exit(1) // it is the first of a namespace, which no signal of its own kills
}
