package shmnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/shm"
)

const (
	// prefix makes the names those of this package.
	prefix = "@isthmus.shmnet/"

	// maxName is the length of the longest name: a socket's has 107 bytes.
	maxName = 80

	// pause is between two attempts to connect while the kernel's queue is full.
	pause = 5 * time.Millisecond
)

// socketAddr returns the address of the socket that a name stands for.
func socketAddr(name Addr) (*net.UnixAddr, error) {
	path := string(name)
	switch {
	case path == "" || len(path) > maxName:
		return nil, fmt.Errorf("name has %d bytes, want 1 to %d: %w", len(path), maxName, shm.ErrName)
	case strings.ContainsRune(path, 0):
		return nil, fmt.Errorf("name contains a zero byte: %w", shm.ErrName)
	case !filepath.IsAbs(path):
		path = prefix + path
	}
	return &net.UnixAddr{Name: path, Net: "unix"}, nil
}

// bind listens. It replaces the file of a listener that was killed.
func bind(at *net.UnixAddr) (*net.UnixListener, error) {
	if !filepath.IsAbs(at.Name) {
		return net.ListenUnix(at.Net, at)
	}
	dir, err := os.Open(filepath.Dir(at.Name))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	if err := lock(int(dir.Fd())); err != nil { // one replaces at a time
		return nil, os.NewSyscallError("flock", err)
	}
	l, err := net.ListenUnix(at.Net, at)
	if !errors.Is(err, unix.EADDRINUSE) {
		return l, err
	}
	if !abandoned(at) {
		return nil, err
	}
	if err := os.Remove(at.Name); err != nil {
		return nil, err
	}
	return net.ListenUnix(at.Net, at)
}

// lock locks a file. It gives up after patience: whoever may read the file may keep the lock for ever, and
// so does one that is stopped.
func lock(fd int) error {
	for start := time.Now(); ; time.Sleep(pause) {
		err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		if err != unix.EWOULDBLOCK && err != unix.EINTR || time.Since(start) > patience {
			return err
		}
	}
}

// abandoned reports whether the file is that of a listener that has died.
func abandoned(at *net.UnixAddr) bool {
	info, err := os.Lstat(at.Name)
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		return false
	}
	s, err := net.DialUnix(at.Net, nil, at)
	if err == nil {
		s.Close()
	}
	return errors.Is(err, unix.ECONNREFUSED)
}

// connect connects. While the kernel's queue is full, it tries again until ctx ends.
func connect(ctx context.Context, at *net.UnixAddr) (*net.UnixConn, error) {
	for {
		s, err := new(net.Dialer).DialContext(ctx, at.Net, at.Name)
		if err == nil {
			return s.(*net.UnixConn), nil
		}
		if !errors.Is(err, unix.EAGAIN) {
			return nil, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// credentials returns the process at the other side.
func credentials(s *net.UnixConn) (Peer, error) {
	raw, err := s.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	var cred *unix.Ucred
	cerr := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(cerr, os.NewSyscallError("getsockopt", err)); err != nil {
		return Peer{}, err
	}
	return Peer{PID: int(cred.Pid), UID: int(cred.Uid)}, nil
}

// deafen keeps the peer from sending files by s, where the kernel can do so (Linux 6.16), and makes sure
// that it has sent nothing before: a file that takes for ever to close would take a thread for ever.
func deafen(s *net.UnixConn) error {
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	var queued int
	cerr := raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSRIGHTS, 0)
		queued, err = unix.IoctlGetInt(int(fd), unix.SIOCINQ)
	})
	if err := errors.Join(cerr, os.NewSyscallError("ioctl", err)); err != nil {
		return err
	}
	if queued > 0 {
		return fmt.Errorf("%d bytes that nobody expects: %w", queued, ErrCorrupt)
	}
	return nil
}
