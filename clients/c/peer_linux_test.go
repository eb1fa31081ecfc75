//go:build amd64 && !isthmus_nofutex

package c_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

func TestMain(m *testing.M) { proctest.Main(m) }

// The helper is a program in C, testdata/peer.c.
var _ = proctest.Register("peer", func(c *proctest.Child) { c.Fatalf("this is not the peer") })

var ctx = context.Background()

// A suite has a peer that is compiled.
type suite struct {
	*testing.T
	binary string
}

// strict are the flags that the header has no warnings with.
var strict = []string{"-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror", "-I.", "-pthread"}

// compile compiles a program.
func compile(t testing.TB, compiler, source string, flags ...string) (binary string) {
	t.Helper()
	if _, err := exec.LookPath(compiler); err != nil {
		proctest.MaySkip("peer", "holder", "permits", "mpmc", "streamer")
		t.Skipf("there is no %s: the C client is not tested", compiler)
	}
	binary = filepath.Join(t.TempDir(), "peer")
	args := append(append(flags, strict...), source, "-o", binary)
	if out, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", compiler, strings.Join(args, " "), err, out)
	}
	return binary
}

// TestC compiles the peer once, for all that has two processes.
func TestC(t *testing.T) {
	proctest.MaySkip("streamer") // is the benchmark's
	binary := compile(t, "gcc", "testdata/peer.c", "-std=c11", "-O1")
	for _, test := range []struct {
		name string
		run  func(s *suite)
	}{
		{"Types", testTypes},
		{"Open", testOpen},
		{"Mismatch", testMismatch},
		{"Alive", testAlive},
		{"Fork", testFork},
		{"Closed", testClosed},
		{"Value", testValue},
		{"ValueWait", testValueWait},
		{"ValueWhole", testValueWhole},
		{"ValueWriterKilled", testValueWriterKilled},
		{"Array", testArray},
		{"Lock", testLock},
		{"LockWait", testLockWait},
		{"LockOwnerKilled", testLockOwnerKilled},
		{"LockCrowd", testLockCrowd},
		{"Fences", testFences},
		{"SPSC", testSPSC},
		{"SPSCWait", testSPSCWait},
		{"SPSCKilled", testSPSCKilled},
		{"SPSCStream", testSPSCStream},
		{"Semaphore", testSemaphore},
		{"SemaphoreWait", testSemaphoreWait},
		{"SemaphoreKilled", testSemaphoreKilled},
		{"SemaphoreCrowd", testSemaphoreCrowd},
		{"MPMC", testMPMC},
		{"MPMCWait", testMPMCWait},
		{"MPMCKilled", testMPMCKilled},
		{"MPMCRun", testMPMCRun},
		{"MPMCCrowd", testMPMCCrowd},
		{"MPMCStorm", testMPMCStorm},
		{"Bytes", testBytes},
		{"BytesStream", testBytesStream},
		{"BytesKilled", testBytesKilled},
		{"Create", testCreate},
		{"Anonymous", testAnonymous},
		{"Gate", testGate},
		{"Ends", testEnds},
		{"Heir", testHeir},
		{"DeathNoted", testDeathNoted},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(&suite{t, binary}) })
		if strings.HasSuffix(test.name, "Wait") || strings.HasSuffix(test.name, "Stream") {
			t.Run(test.name+"Fences", func(t *testing.T) {
				symmetric = true
				defer func() { symmetric = false }()
				test.run(&suite{t, binary})
			})
		}
	}
}

// symmetric has segments be without the feature asymmetric: wakers run fences.
var symmetric bool

// A peer is a process that runs the program in C.
type peer struct {
	*proctest.Proc
	t *testing.T
}

// start starts a peer that has opened the segment s.
func (s *suite) start() peer {
	p := peer{proctest.StartWith(s.T, &proctest.Options{Binary: s.binary}, "peer"), s.T}
	p.do("", "open", "s")
	return p
}

// do has the peer do something, and checks its answer.
func (p peer) do(want string, operands ...any) {
	p.t.Helper()
	p.Send(operands...)
	p.Expect(want)
}

// exit has the peer end in order.
func (p peer) exit() {
	p.t.Helper()
	p.Send("exit")
	p.Wait()
}

// segment makes the segment s.
func segment(t *testing.T) *shm.Segment {
	t.Helper()
	proctest.Dir(t)
	return created(t)
}

// mortal is segment for a test in which somebody dies.
func mortal(t *testing.T) *shm.Segment {
	t.Helper()
	proctest.Dir(t)
	proctest.Mortal(t)
	return created(t)
}

func created(t *testing.T) *shm.Segment {
	t.Helper()
	seg := proctest.Must(shm.Create("s", 1<<20, nil))(t)
	if symmetric {
		wantNil(t, "close", seg.Close())
		f := proctest.Must(os.OpenFile(path(), os.O_RDWR, 0))(t)
		_ = proctest.Must(f.WriteAt(make([]byte, 4), 20))(t) // features (F8)
		wantNil(t, "close", f.Close())
		seg = proctest.Must(shm.Open("s", nil))(t)
	}
	t.Cleanup(func() {
		seg.Close()
		shm.Remove("s", nil)
	})
	return seg
}

// path returns that of the file of segment s.
func path() string { return os.Getenv("ISTHMUS_DIR") + "/isthmus.s" }

// hexOf returns the bytes of plain values, in the order of memory.
func hexOf(values ...any) string {
	var b []byte
	for _, v := range values {
		b, _ = binary.Append(b, binary.NativeEndian, v)
	}
	return hex.EncodeToString(b)
}

// object returns the bytes of an object, read from the file (docs/FORMAT.md, F8 and F16).
func object(t *testing.T, name string) []byte {
	t.Helper()
	b := proctest.Must(os.ReadFile(path()))(t)
	off, size := place(t, b, name)
	return b[off:][:size]
}

// place returns where an object is in the bytes of a file, and its size.
func place(t *testing.T, b []byte, name string) (off, size uint64) {
	t.Helper()
	order := binary.NativeEndian
	for e := b[order.Uint64(b[40:]):]; order.Uint32(e) == 1; e = e[256:] {
		if string(e[56:56+len(name)]) == name && e[56+len(name)] == 0 {
			return order.Uint64(e[8:]), order.Uint64(e[16:])
		}
	}
	t.Fatalf("there is no object %q", name)
	return 0, 0
}

// spoil sets a word of an object, as one who is dead may have left it.
func spoil(t *testing.T, name string, at int64, word uint64) {
	t.Helper()
	f := proctest.Must(os.OpenFile(path(), os.O_RDWR, 0))(t)
	defer f.Close()
	off, _ := place(t, proctest.Must(os.ReadFile(path()))(t), name)
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], word)
	_ = proctest.Must(f.WriteAt(b[:], int64(off)+at))(t)
}

// asleep waits until somebody has armed one of the Events at offsets of an object.
func asleep(t *testing.T, name string, offs ...int) {
	t.Helper()
	proctest.Until(t, "somebody sleeps", func() bool {
		mem := object(t, name)
		return slices.ContainsFunc(offs, func(off int) bool { return binary.NativeEndian.Uint32(mem[off:])&1 != 0 })
	})
}

func wantNil(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func wantError(t *testing.T, what string, err, is error) {
	t.Helper()
	if !errors.Is(err, is) {
		t.Errorf("%s: %v, want %v", what, err, is)
	}
}

func text(s string) string { return strings.ReplaceAll(s, " ", "~") }

// TestCPlusPlus compiles the header as C++.
func TestCPlusPlus(t *testing.T) {
	source := filepath.Join(t.TempDir(), "peer.cc")
	proctest.Check(t, os.WriteFile(source, []byte("#include \"isthmus.h\"\nint main() { return 0; }\n"), 0o600))
	compile(t, "g++", source, "-std=c++17", "-fsyntax-only")
}

// TestSanitizers runs what needs one process only, with threads, and in memory that is
// spoilt.
func TestSanitizers(t *testing.T) {
	seed := fmt.Sprint(proctest.Random(t).Uint32())
	for name, flag := range map[string]string{"address": "address,undefined", "thread": "thread"} {
		t.Run(name, func(t *testing.T) {
			proctest.Dir(t)
			binary := compile(t, "gcc", "testdata/threads.c", "-std=c11", "-O0", "-g", "-fsanitize="+flag, "-fno-sanitize-recover=all")
			run(t, binary)
			if name == "address" {
				run(t, binary, seed, "1000")
			}
		})
	}
}

// run runs a program to its end.
func run(t *testing.T, binary string, args ...string) {
	t.Helper()
	limit, cancel := context.WithTimeout(ctx, proctest.Timeout())
	defer cancel()
	if out, err := exec.CommandContext(limit, binary, args...).CombinedOutput(); err != nil {
		t.Errorf("%v: %v\n%s", args, err, out)
	}
}
