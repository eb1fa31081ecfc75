package process

import (
	"os"
	"os/exec"
	"unsafe"

	"golang.org/x/sys/windows"
)

// group is a Job Object. What a process in it starts belongs to it too.
type group struct {
	daemon bool
	job    windows.Handle
	leader windows.Handle
}

func newGroup(daemon bool) *group { return &group{daemon: daemon} }

func (g *group) prepare(*exec.Cmd) {}

// adopt puts the process into a new Job Object. It has started nothing yet: the launch is not
// written.
func (g *group) adopt(p *os.Process) (err error) {
	if g.job, err = windows.CreateJobObject(nil, nil); err != nil {
		return os.NewSyscallError("CreateJobObject", err)
	}
	defer func() {
		if err != nil {
			g.close()
		}
	}()
	if g.daemon { // the end of the parent closes the last handle
		var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
		info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
		if _, err := windows.SetInformationJobObject(g.job, windows.JobObjectExtendedLimitInformation,
			uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info))); err != nil {
			return os.NewSyscallError("SetInformationJobObject", err)
		}
	}
	const access = windows.PROCESS_SET_QUOTA | windows.PROCESS_TERMINATE | windows.SYNCHRONIZE
	if g.leader, err = windows.OpenProcess(access, false, uint32(p.Pid)); err != nil {
		return os.NewSyscallError("OpenProcess", err)
	}
	return os.NewSyscallError("AssignProcessToJobObject", windows.AssignProcessToJobObject(g.job, g.leader))
}

// awaitEnd waits until the process has ended.
func (g *group) awaitEnd(*os.Process) bool {
	_, err := windows.WaitForSingleObject(g.leader, windows.INFINITE)
	return err == nil
}

// kill kills all of the group, and reports whether it has.
func (g *group) kill() bool { return windows.TerminateJobObject(g.job, 1) == nil }

func (g *group) close() {
	windows.CloseHandle(g.job)
	if g.leader != 0 {
		windows.CloseHandle(g.leader)
	}
}
