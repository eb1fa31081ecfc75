package process

import (
	"os"
	"os/exec"
	"slices"
	"syscall"

	"golang.org/x/sys/windows"
)

const supported = true

// pipe makes a pipe of which no process inherits an end. Those of os.Pipe can be inherited
// by a process that C code starts.
func pipe() (r, w *os.File, err error) {
	if r, w, err = os.Pipe(); err == nil {
		inheritable(r, false)
		inheritable(w, false)
	}
	return r, w, err
}

// bequeath makes the process inherit the files, and returns their numbers there.
func bequeath(cmd *exec.Cmd, files []*os.File) (numbers []string, err error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	handles := slices.Clip(cmd.SysProcAttr.AdditionalInheritedHandles)
	for _, f := range files {
		if err := inheritable(f, true); err != nil {
			return nil, os.NewSyscallError("SetHandleInformation", err)
		}
		handles = append(handles, syscall.Handle(f.Fd()))
		numbers = append(numbers, decimal(f.Fd()))
	}
	cmd.SysProcAttr.AdditionalInheritedHandles = handles
	return numbers, nil
}

func inheritable(f *os.File, yes bool) error {
	var flag uint32
	if yes {
		flag = windows.HANDLE_FLAG_INHERIT
	}
	return windows.SetHandleInformation(windows.Handle(f.Fd()), windows.HANDLE_FLAG_INHERIT, flag)
}

// inherit returns the file of that number, which nobody inherits from now on.
func inherit(handle uintptr, _ bool) *os.File {
	f := os.NewFile(handle, "inherited")
	if f != nil {
		inheritable(f, false)
	}
	return f
}

// write writes b to f.
func write(f *os.File, b []byte) { f.Write(b) }

// available returns nothing: who does not wait for the end of a pipe closes it.
func available(*os.File) []byte { return nil }

// survive does nothing: nobody is killed for writing to a pipe.
func survive() {}

// die kills this process. If it has a group, the kernel has killed that: the parent had
// the last handle of the Job Object.
func die(bool) { windows.TerminateProcess(windows.CurrentProcess(), 1) }
