package shmnet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// A hello is the magic, which has the version of the protocol, and the capacity of each stream,
// with the descriptor of the memory.
const (
	magic      = "shmnet 2"
	helloSize  = len(magic) + 8
	memoryName = "isthmus.shmnet"
	seals      = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW
)

// sendHello makes the memory of a connection, and sends it.
func sendHello(s *net.UnixConn, capacity uint64) (mem []byte, err error) {
	fd, err := makeMemory(mapped(capacity))
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	if mem, err = mapMemory(fd, capacity); err != nil {
		return nil, err
	}
	hello := binary.NativeEndian.AppendUint64([]byte(magic), capacity)
	if _, _, err := s.WriteMsgUnix(hello, unix.UnixRights(fd), nil); err != nil {
		return nil, errors.Join(err, unix.Munmap(mem))
	}
	return mem, nil
}

// receiveHello receives memory, and maps it. If it fails, it also returns the files that came
// instead of it, open: who has sent them may have seen to it that it takes for ever to close them, as of a
// socket that lingers, or a file of FUSE.
func receiveHello(s *net.UnixConn) (mem []byte, files []int, err error) {
	hello, rights := make([]byte, helloSize), make([]byte, unix.CmsgSpace(4))
	n, oob, flags, _, err := s.ReadMsgUnix(hello, rights)
	if err != nil {
		return nil, nil, err
	}
	if files, err = descriptors(rights[:oob]); err != nil {
		return nil, files, err
	}
	if more := flags&unix.MSG_CTRUNC != 0; len(files) != 1 || more { // the kernel closes what does not fit
		return nil, files, fmt.Errorf("hello with %d files, and more %v: %w", len(files), more, ErrCorrupt)
	}
	if n != helloSize || string(hello[:len(magic)]) != magic {
		return nil, files, fmt.Errorf("hello %q: %w", hello[:n], ErrCorrupt)
	}
	capacity := binary.NativeEndian.Uint64(hello[len(magic):])
	if capacity < minBuffer || capacity > maxBuffer || bits.OnesCount64(capacity) != 1 {
		return nil, files, fmt.Errorf("buffers of %d bytes: %w", capacity, ErrCorrupt)
	}
	if err := checkMemory(files[0], mapped(capacity)); err != nil {
		return nil, files, err
	}
	defer unix.Close(files[0]) // a memfd
	mem, err = mapMemory(files[0], capacity)
	return mem, nil, err
}

// descriptors returns those that a message has.
func descriptors(oob []byte) (all []int, err error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	for _, m := range messages {
		fds, _ := unix.ParseUnixRights(&m) // credentials are none
		all = append(all, fds...)
	}
	return all, err
}

// makeMemory makes a file without a name, whose size nobody can change: to touch a page that
// the other side has cut off would be a fault.
func makeMemory(size int64) (fd int, err error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err = unix.MemfdCreate(memoryName, flags|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate(memoryName, flags)
	}
	if err != nil {
		return -1, os.NewSyscallError("memfd_create", err)
	}
	err = os.NewSyscallError("ftruncate", unix.Ftruncate(fd, size))
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
		err = os.NewSyscallError("seal", err)
	}
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// checkMemory checks that no page of the memory can be a fault: that it is what makeMemory has made. A
// file of huge pages may lack one. Of all else, only a memfd has seals: that comes first, since
// to ask the file system anything may take for ever.
func checkMemory(fd int, size int64) error {
	got, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if fs.Type != unix.TMPFS_MAGIC || info.Size != size || got&seals != seals {
		return fmt.Errorf("memory of %d bytes, not %d, or not sealed: %w", info.Size, size, ErrCorrupt)
	}
	return nil
}

// mapMemory needs none of what internal/mapping has for a mapping that is severed: a Conn counts who
// uses its memory, and the last one unmaps it.
func mapMemory(fd int, capacity uint64) ([]byte, error) {
	mem, err := unix.Mmap(fd, 0, int(mapped(capacity)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return mem, os.NewSyscallError("mmap", err)
}
