package shmnet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/mapping"
)

// A hello is the magic, which has the version of the protocol, and the capacity of each stream,
// with the descriptor of the memory.
const (
	magic      = "shmnet 1"
	helloSize  = len(magic) + 8
	memoryName = "isthmus.shmnet"
	seals      = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
)

// sendHello makes the memory of a connection, and sends it.
func sendHello(s *net.UnixConn, capacity uint64) (*mapping.Mapping, error) {
	f, err := makeMemory(mapped(capacity))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := mapping.Map(f, int(mapped(capacity)))
	if err != nil {
		return nil, err
	}
	hello := binary.NativeEndian.AppendUint64([]byte(magic), capacity)
	if _, _, err := s.WriteMsgUnix(hello, unix.UnixRights(int(f.Fd())), nil); err != nil {
		return nil, errors.Join(err, m.Unmap())
	}
	return m, nil
}

// receiveHello receives memory, and maps it.
func receiveHello(s *net.UnixConn) (*mapping.Mapping, error) {
	hello, rights := make([]byte, helloSize), make([]byte, unix.CmsgSpace(4))
	n, oob, _, _, err := s.ReadMsgUnix(hello, rights)
	if err != nil {
		return nil, err
	}
	f, err := descriptor(rights[:oob])
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if n != helloSize || string(hello[:len(magic)]) != magic {
		return nil, fmt.Errorf("hello %q: %w", hello[:n], ErrCorrupt)
	}
	capacity := binary.NativeEndian.Uint64(hello[len(magic):])
	if capacity < minBuffer || capacity > maxBuffer || bits.OnesCount64(capacity) != 1 {
		return nil, fmt.Errorf("buffers of %d bytes: %w", capacity, ErrCorrupt)
	}
	if err := checkMemory(f, mapped(capacity)); err != nil {
		return nil, err
	}
	return mapping.Map(f, int(mapped(capacity)))
}

// descriptor returns the one that a message has. The kernel closes what does not fit.
func descriptor(oob []byte) (*os.File, error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for _, m := range messages {
		fds, _ := unix.ParseUnixRights(&m) // credentials are none
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), memoryName))
		}
	}
	if len(files) == 1 {
		return files[0], nil
	}
	for _, f := range files {
		f.Close()
	}
	return nil, fmt.Errorf("hello with %d files: %w", len(files), ErrCorrupt)
}

// makeMemory makes a file without a name, whose size nobody can change: to touch a page that
// the other side has cut off would be a fault.
func makeMemory(size int64) (*os.File, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(memoryName, flags|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate(memoryName, flags)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), memoryName)
	err = f.Truncate(size)
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals)
		err = os.NewSyscallError("seal", err)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// checkMemory checks that no page of the memory can be a fault: that it is what makeMemory has made. A
// file of huge pages may lack one.
func checkMemory(f *os.File, size int64) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	got, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0)
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if fs.Type != unix.TMPFS_MAGIC || info.Size() != size || got&seals&^unix.F_SEAL_SEAL != seals&^unix.F_SEAL_SEAL {
		return fmt.Errorf("memory of %d bytes, not %d, or not sealed: %w", info.Size(), size, ErrCorrupt)
	}
	return nil
}
