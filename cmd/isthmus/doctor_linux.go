package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// system checks what only Linux has.
func system(dir string) []Check {
	checks := []Check{
		yes("may make segments", unix.Access(dir, unix.W_OK|unix.X_OK), "segments that are there can be opened"),
		room(dir), limit("RLIMIT_NOFILE", unix.RLIMIT_NOFILE, 256, "each open segment takes a descriptor"),
		limit("RLIMIT_MEMLOCK", unix.RLIMIT_MEMLOCK, 0, "for programs that lock the memory of segments: Isthmus does not"),
		kernel(), overcommit(),
	}
	checks = append(checks, futexes()...)
	return append(checks,
		yes("membarrier", membarrier(), "who wakes others runs a fence, some ns each time"),
		yes("memfd_create", memfd(), "an anonymous segment is a file without a name in the directory, and is not sealed"),
		yes("open-file-description locks", ofd(), "POSIX record locks: a process must not close another descriptor of a segment's file"),
		yes("pidfd_open", pidfd(), "whether a process has ended is asked by its pid"),
		yes("files without names (O_TMPFILE)", tmpfile(dir), "a new segment has a draft's name first"),
		yes("/proc", exists("/proc/self/ns/pid"), "PIDs of others have no meaning, and anonymous segments cannot be inherited"))
}

func room(dir string) Check {
	k := Check{Name: "room"}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		k.Note = fmt.Sprintf("%s: %v", dir, err)
		return k
	}
	total, free := int64(st.Blocks)*int64(st.Bsize), int64(st.Bavail)*int64(st.Bsize)
	k.OK, k.Value = free >= total/20, fmt.Sprintf("%s free of %s", size(free), size(total))
	if k.OK || total == 0 {
		k.OK = true
	} else {
		k.Note = "less than a twentieth: segments that do not fit are refused (ErrSpace)"
	}
	if st.Type != unix.TMPFS_MAGIC {
		k.OK, k.Note = false, "it is no tmpfs: the kernel writes segments to a disk, and an access may wait for it"
	}
	return k
}

// limit is a fault if there are less than that.
func limit(name string, which int, least uint64, note string) Check {
	var l unix.Rlimit
	if err := unix.Getrlimit(which, &l); err != nil {
		return Check{name, "unknown", false, err.Error()}
	}
	text := func(n uint64) string {
		if n == unix.RLIM_INFINITY {
			return "unlimited"
		}
		return fmt.Sprint(n)
	}
	return Check{name, text(l.Cur) + ", at most " + text(l.Max), l.Cur >= least, note}
}

func kernel() Check {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Check{"kernel", "unknown", false, err.Error()}
	}
	return Check{"kernel", unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]), true, ""}
}

func overcommit() Check {
	b, err := os.ReadFile("/proc/sys/vm/overcommit_memory")
	k := Check{"vm.overcommit_memory", strings.TrimSpace(string(b)), err == nil, ""}
	switch {
	case err != nil:
		k.Note = err.Error()
	case k.Value == "2":
		k.Note = "each attachment takes its segment's size once more of the memory that may be promised"
	}
	return k
}

// membarrier asks for the commands, without registering this process.
func membarrier() error {
	const query, needed = 0, 1<<1 | 1<<2 // GLOBAL_EXPEDITED, and its registration
	mask, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, query, 0, 0)
	switch {
	case errno != 0:
		return errno
	case mask&needed != needed:
		return errors.New("the kernel has none that is global and expedited")
	}
	return nil
}

func memfd() error {
	fd, err := unix.MemfdCreate("isthmus-doctor", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err == nil {
		err = unix.Close(fd)
	}
	return err
}

func ofd() error {
	f, err := os.Open("/proc/self/exe") // any file: to ask needs no permission to write
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &unix.Flock_t{Type: unix.F_WRLCK, Len: 1})
}

func pidfd() error {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err == nil {
		err = unix.Close(fd)
	}
	return err
}

func tmpfile(dir string) error {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		err = unix.Close(fd)
	}
	return err
}

func exists(path string) error {
	_, err := os.Stat(path)
	return err
}
