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
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil { // one replaces at a time
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
