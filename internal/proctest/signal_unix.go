//go:build unix

package proctest

import (
	"os"
	"syscall"
)

const canStop = true

// attributes puts the child in a process group of its own. When the test process
// dies, the group is orphaned, and the kernel continues it if it was stopped, so
// that even a stopped helper sees the end of its standard input.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func (p *Proc) stop() error   { return p.cmd.Process.Signal(syscall.SIGSTOP) }
func (p *Proc) resume() error { return p.cmd.Process.Signal(syscall.SIGCONT) }
func (p *Proc) dump() error   { return p.cmd.Process.Signal(syscall.SIGQUIT) }

// wasKilled goes by the state alone: a helper may also have killed itself.
func wasKilled(state *os.ProcessState, _ error) bool {
	ws, ok := state.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled() && ws.Signal() == syscall.SIGKILL
}
