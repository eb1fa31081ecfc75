package proctest

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A refusal describes the calls that a name stands for: those whose
// argument arg, as far as mask reaches, has one of the values. Without values it
// is every call of that number.
type refusal struct {
	number    uintptr
	arg       uint32
	mask      uint32
	arguments []uint32
}

var refusals = map[string]refusal{
	"fallocate":    {number: unix.SYS_FALLOCATE},
	"futex_waitv":  {number: unix.SYS_FUTEX_WAITV},
	"membarrier":   {number: unix.SYS_MEMBARRIER},
	"memfd_create": {number: unix.SYS_MEMFD_CREATE},
	"mremap":       {number: unix.SYS_MREMAP},

	// The Go runtime has private futexes of its own.
	"shared futex": {unix.SYS_FUTEX, 1, 128, []uint32{0}},
	"OFD locks": {sysFcntl, 1, 1<<32 - 1,
		[]uint32{unix.F_OFD_GETLK, unix.F_OFD_SETLK, unix.F_OFD_SETLKW}},
	// The runtime maps its heap at fixed addresses, but does not share it.
	"shared fixed mmap": {sysMmap, 3, unix.MAP_SHARED | unix.MAP_FIXED,
		[]uint32{unix.MAP_SHARED | unix.MAP_FIXED}},
}

// Refuse makes the kernel fail calls from now on, in all threads of this process
// and in its children, as one without them would. It is an error if the machine
// cannot do that; user-mode emulators cannot. The calls are named in refusals.
func Refuse(calls ...string) error { return RefuseBy(unix.ENOSYS, calls...) }

// RefuseBy is [Refuse] with another error. There is only [Refuse] elsewhere.
func RefuseBy(errno unix.Errno, calls ...string) error {
	const (
		load     = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		and      = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
		jumpEq   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		jump     = unix.BPF_JMP | unix.BPF_JA
		ret      = unix.BPF_RET | unix.BPF_K
		argument = 16 // offset of the first in struct seccomp_data

		// From linux/seccomp.h.
		setModeFilter = 1
		flagTsync     = 1
		retErrno      = 0x00050000
		retAllow      = 0x7fff0000
	)
	lowHalf := uint32(0)
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		lowHalf = 4
	}
	var filter []unix.SockFilter
	for _, name := range calls {
		r, ok := refusals[name]
		if !ok {
			return fmt.Errorf("proctest: cannot refuse %q", name)
		}
		var matched []unix.SockFilter
		if n := len(r.arguments); n > 0 {
			matched = []unix.SockFilter{{Code: load, K: argument + 8*r.arg + lowHalf}, {Code: and, K: r.mask}}
			for i, v := range r.arguments {
				matched = append(matched, unix.SockFilter{Code: jumpEq, K: v, Jt: uint8(n - i)})
			}
			matched = append(matched, unix.SockFilter{Code: jump, K: 1})
		}
		matched = append(matched, unix.SockFilter{Code: ret, K: retErrno | uint32(errno)})
		filter = append(filter, unix.SockFilter{Code: load, K: 0}, // the number of the call
			unix.SockFilter{Code: jumpEq, K: uint32(r.number), Jf: uint8(len(matched))})
		filter = append(filter, matched...)
	}
	filter = append(filter, unix.SockFilter{Code: ret, K: retAllow})
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, e := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, flagTsync, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(filter)
	if e != 0 {
		return e
	}
	return nil
}
