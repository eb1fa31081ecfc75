package shmnet_test

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shmnet"
)

const (
	capacity = 4096

	wordsAt = capacity + shmnet.Beside // of both streams
	firstAt = wordsAt + 2*shmnet.WordsOf
)

// A forgery is what a dialler sends that does not use the package.
type forgery struct {
	size  int64
	seals int
	hello []byte
	files int
}

func genuine() forgery {
	return forgery{
		size:  shmnet.HeadSize + 2*capacity,
		seals: unix.F_SEAL_SHRINK | unix.F_SEAL_GROW,
		hello: binary.NativeEndian.AppendUint64([]byte(shmnet.Magic), capacity),
		files: 1,
	}
}

// forge connects, and returns its memory if it has some.
func forge(t *testing.T, name string, f forgery) (*net.UnixConn, []byte) {
	t.Helper()
	at, err := shmnet.SocketAddr(name)
	check(t, err)
	s, err := net.DialUnix("unix", nil, at)
	check(t, err)
	t.Cleanup(func() { s.Close() })
	fd, err := unix.MemfdCreate("forged", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	check(t, err)
	defer unix.Close(fd)
	check(t, unix.Ftruncate(fd, f.size))
	mem, err := unix.Mmap(fd, 0, int(f.size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	check(t, err)
	t.Cleanup(func() { unix.Munmap(mem) })
	_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, f.seals)
	check(t, err)
	var rights []byte
	if f.files > 0 {
		fds := make([]int, f.files)
		for i := range fds {
			fds[i] = fd
		}
		rights = unix.UnixRights(fds...)
	}
	_, _, err = s.WriteMsgUnix(f.hello, rights, nil)
	check(t, err)
	return s, mem
}

// ended waits until the other side has closed the socket.
func ended(t *testing.T, s *net.UnixConn) {
	t.Helper()
	if n, err := s.Read(make([]byte, 1)); n != 0 || err != io.EOF && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the listener has sent %d bytes, %v", n, err)
	}
}

// TestForgedHellos has diallers send all kinds of nonsense, and nothing. Others do not notice.
func TestForgedHellos(t *testing.T) {
	name := newName()
	l := listen(t, name)
	at, err := shmnet.SocketAddr(name)
	check(t, err)
	for range 5 {
		silent, err := net.DialUnix("unix", nil, at)
		check(t, err)
		t.Cleanup(func() { silent.Close() })
	}
	gone, err := net.DialUnix("unix", nil, at)
	check(t, errors.Join(err, gone.Close()))
	for what, change := range map[string]func(f *forgery){
		"no seals":       func(f *forgery) { f.seals = 0 },
		"may shrink":     func(f *forgery) { f.seals = unix.F_SEAL_GROW },
		"read only":      func(f *forgery) { f.seals |= unix.F_SEAL_FUTURE_WRITE },
		"short memory":   func(f *forgery) { f.size -= 4096 },
		"long memory":    func(f *forgery) { f.size += 4096 },
		"no file":        func(f *forgery) { f.files = 0 },
		"two files":      func(f *forgery) { f.files = 2 },
		"many files":     func(f *forgery) { f.files = 200 },
		"other magic":    func(f *forgery) { f.hello[0]++ },
		"short hello":    func(f *forgery) { f.hello = f.hello[:10] },
		"odd capacity":   func(f *forgery) { binary.NativeEndian.PutUint64(f.hello[8:], capacity+1) },
		"no capacity":    func(f *forgery) { binary.NativeEndian.PutUint64(f.hello[8:], 0) },
		"huge capacity":  func(f *forgery) { binary.NativeEndian.PutUint64(f.hello[8:], 1<<63) },
		"small capacity": func(f *forgery) { binary.NativeEndian.PutUint64(f.hello[8:], 64) },
	} {
		t.Run(what, func(t *testing.T) {
			f := genuine()
			change(&f)
			s, _ := forge(t, name, f)
			ended(t, s)
		})
	}
	c := dial(t, name)
	if _, err := c.Write([]byte{42}); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1)
	if _, err := accept(t, l).Read(got); err != nil || got[0] != 42 {
		t.Fatal(got, err)
	}
}

// TestNoMemfd sends a file that anybody can make shorter.
func TestNoMemfd(t *testing.T) {
	name := newName()
	listen(t, name)
	at, err := shmnet.SocketAddr(name)
	check(t, err)
	s, err := net.DialUnix("unix", nil, at)
	check(t, err)
	defer s.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	check(t, err)
	defer file.Close()
	f := genuine()
	check(t, file.Truncate(f.size))
	_, _, err = s.WriteMsgUnix(f.hello, unix.UnixRights(int(file.Fd())), nil)
	check(t, err)
	ended(t, s)
}

// TestForged has a dialler that is written anew talk to the package: its head and its words are
// where the protocol says.
func TestForged(t *testing.T) {
	name := newName()
	l := listen(t, name)
	_, mem := forge(t, name, genuine())
	c := accept(t, l)
	copy(mem[firstAt:], "hello")
	layout.At[atomic.Uint64](mem, wordsAt+shmnet.TailAt).Store(1<<63 | 5)
	if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
		t.Fatalf("%q, %v", got, err)
	}
}

// TestSpoilt has a dialler set the words to what no peer would.
func TestSpoilt(t *testing.T) {
	for what, spoil := range map[string]func(mem []byte){
		"tail too far": func(mem []byte) { layout.At[atomic.Uint64](mem, wordsAt+shmnet.TailAt).Store(capacity + 1) },
		"tail back":    func(mem []byte) { layout.At[atomic.Uint64](mem, wordsAt+shmnet.TailAt).Store(1<<63 - 1) },
		"own head": func(mem []byte) {
			layout.At[atomic.Uint64](mem, wordsAt+shmnet.HeadAt).Store(1)
			layout.At[atomic.Uint64](mem, wordsAt+shmnet.TailAt).Store(1)
		},
	} {
		t.Run(what, func(t *testing.T) {
			name := newName()
			l := listen(t, name)
			_, mem := forge(t, name, genuine())
			c := accept(t, l)
			spoil(mem)
			n, err := c.Read(make([]byte, 10))
			want(t, "read", err, shmnet.ErrCorrupt)
			if n != 0 {
				t.Errorf("read %d bytes", n)
			}
		})
	}
	for what, spoil := range map[string]func(mem []byte){
		"head too far": func(mem []byte) { layout.At[atomic.Uint64](mem, wordsAt+shmnet.WordsOf+shmnet.HeadAt).Store(1) },
		"own tail":     func(mem []byte) { layout.At[atomic.Uint64](mem, wordsAt+shmnet.WordsOf+shmnet.TailAt).Store(1) },
	} {
		t.Run(what, func(t *testing.T) {
			name := newName()
			l := listen(t, name)
			_, mem := forge(t, name, genuine())
			c := accept(t, l)
			spoil(mem)
			_, err := c.Write(make([]byte, 10))
			want(t, "write", err, shmnet.ErrCorrupt)
		})
	}
}

// TestVandal spoils the words again and again while the connection is in use. Whatever it
// gets for that, it ends, and others do not notice.
func TestVandal(t *testing.T) {
	proctest.Mortal(t)
	name := newName()
	l := listen(t, name)
	good, kept := dial(t, name), accept(t, l)
	for seed := range uint64(30) {
		s, mem := forge(t, name, genuine())
		c := accept(t, l)
		rnd := rand.New(rand.NewPCG(7, seed))
		together(
			func() { io.Copy(io.Discard, c) },
			func() {
				for i := 0; i < 1000; i++ {
					if _, err := c.Write(make([]byte, 100)); err != nil {
						return
					}
				}
			},
			func() {
				for range 300 {
					off := uint64(wordsAt + rnd.IntN(2*shmnet.WordsOf)&^7)
					layout.At[atomic.Uint64](mem, off).Store(rnd.Uint64() >> rnd.IntN(64))
				}
				s.Close()
			})
		c.Close()
	}
	go good.Write([]byte{42})
	got := make([]byte, 1)
	if _, err := kept.Read(got); err != nil || got[0] != 42 {
		t.Fatal(got, err)
	}
}
