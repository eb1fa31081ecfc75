//go:build unix

package process

import (
	"os"
	"os/exec"
	"syscall"
)

// group is the process group that a process leads.
type group struct{ id int }

func newGroup(bool) *group { return &group{} }

// prepare makes the process lead a group from before it runs.
func (g *group) prepare(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if !cmd.SysProcAttr.Setsid { // the leader of a session leads a group already
		cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Pgid = true, 0
	}
}

func (g *group) adopt(p *os.Process) error {
	g.id = p.Pid
	return nil
}

// kill kills all of the group. An error means that nobody is left in it. It does not report
// that it has killed the leader, which may have gone to another group.
func (g *group) kill() bool {
	syscall.Kill(-g.id, syscall.SIGKILL)
	return false
}

func (g *group) close() {}
