//go:build amd64 && !isthmus_nofutex

package c_test

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

type tick struct {
	ID    uint64
	Price float64
	Legs  [3]struct {
		A int8
		B int32
		_ [0]int64
	}
	On bool
}

type small struct {
	A uint8
	B uint16
	_ uint8
	C [2]int8
}

func testTypes(s *suite) {
	segment(s.T)
	p := s.start()
	for _, typ := range []reflect.Type{
		reflect.TypeFor[int64](), reflect.TypeFor[bool](), reflect.TypeFor[complex64](), reflect.TypeFor[uint](),
		reflect.TypeFor[[2]uint16](), reflect.TypeFor[tick](), reflect.TypeFor[small](), reflect.TypeFor[[3][2]small](),
		reflect.TypeFor[struct {
			A complex128
			B complex64
			C [2][3]struct{ D, E float32 }
		}](),
		reflect.TypeFor[struct {
			A byte
			B [0]uint32
		}](),
	} {
		l := proctest.Must(layout.Of(typ))(s)
		p.do(fmt.Sprintf("0 %x %d %x", l.Fingerprint, l.Size, l.Mask), "type", text(l.Text))
	}
	for _, bad := range []string{"string", "{A~0~int64", "[2", "{A~1~int64}", "{}", "[99999999999999]int64", "int64x", strings.Repeat("[1]", 100) + "int8"} {
		p.do("-4 0 0 0", "type", bad)
	}
	p.exit()
}

func testOpen(s *suite) {
	segment(s.T)
	p := s.start()
	p.do("", "free")
	for name, want := range map[string]string{
		"none": "does not exist", "a/b": "invalid argument", "dot.": "invalid argument", "\xff": "invalid argument",
		"\u0085": "invalid argument", strings.Repeat("x", 201): "invalid argument", "ü": "does not exist",
	} {
		p.do(want, "open", name)
	}
	p.do("mismatch", "open", "s", 7)

	dir := os.Getenv("ISTHMUS_DIR") + "/isthmus."
	whole := proctest.Must(os.ReadFile(dir + "s"))(s)
	for what, spoil := range map[string]func(b []byte) []byte{
		"empty":     func([]byte) []byte { return nil },
		"short":     func(b []byte) []byte { return b[:len(b)-4096] },
		"magic":     func(b []byte) []byte { b[0]++; return b },
		"procs":     func(b []byte) []byte { b[24]++; return b },
		"directory": func(b []byte) []byte { b[41]++; return b },
		"arena":     func(b []byte) []byte { b[62]++; return b },
	} {
		proctest.Check(s, os.WriteFile(dir+what, spoil(append([]byte(nil), whole...)), 0o600))
		p.do("corrupt", "open", what)
		proctest.Check(s, os.Remove(dir+what))
	}
	for off, what := range map[int]string{12: "version", 16: "word", 20: "feature"} {
		b := append([]byte(nil), whole...)
		b[off] ^= 2
		proctest.Check(s, os.WriteFile(dir+what, b, 0o600))
		p.do("mismatch", "open", what)
		proctest.Check(s, os.Remove(dir+what))
	}
	proctest.Check(s, os.Symlink(dir+"s", dir+"link"))
	p.do("corrupt", "open", "link")
	proctest.Check(s, os.Remove(dir+"link"))
	p.do("", "open", "s")
	p.do("", "remove", "s")
	p.do("does not exist", "remove", "s")
	p.exit()
}

func testMismatch(s *suite) {
	seg := segment(s.T)
	proctest.Must(shm.NewValue[int64](seg, "v"))(s)
	proctest.Must(shm.NewArray[int32](seg, "a", 10))(s)
	p := s.start()
	p.do("mismatch", "value", "v", "uint64")
	p.do("mismatch", "lock", "v")
	p.do("mismatch", "array", "a", "int32", 11)
	p.do("invalid argument", "lock", strings.Repeat("n", 97))
	p.do("", "value", "v", "int64")
	p.do("", "array", "a", "int32", 10)

	// What C makes is what Go asks for, and nothing else.
	typ := proctest.Must(layout.Of(reflect.TypeFor[tick]()))(s)
	p.do("", "value", "made", text(typ.Text))
	proctest.Must(shm.NewValue[tick](seg, "made"))(s)
	_, err := shm.NewValue[small](seg, "made")
	proctest.WantError(s, "another type", err, shm.ErrMismatch, "made", "int8")
	p.do("", "free")

	p.do("", "open", "s", 0, "must-exist")
	p.do("does not exist", "lock", "none")
	p.do("", "value", "made", text(typ.Text))
	other := proctest.Must(shm.Open("s", nil))(s)
	_, err = shm.NewArray[int32](other, "none", 5)
	wantNil(s.T, "Go makes it", err)
	wantNil(s.T, "close", other.Close())
	p.do("", "array", "none", "int32", 5)
	wantError(s.T, "remove what C uses", seg.RemoveObject("none"), shm.ErrInUse)
	p.exit()
	wantNil(s.T, "remove what nobody uses", seg.RemoveObject("none"))
	p = s.start()
	p.do("", "lock", "again") // in the room of the other
	proctest.Must(shm.NewLock(seg, "again"))(s)
	p.do("", "lock", strings.Repeat("n", 96))
	p.exit()
}

// isPeer reports whether a process is attached.
func isPeer(seg *shm.Segment, p peer) bool {
	peers, err := seg.Peers()
	wantNil(p.t, "peers", err)
	return slices.ContainsFunc(peers, func(q shm.Peer) bool { return q.PID == p.Pid() })
}

// testAlive has others see that a peer lives, leaves, and dies.
func testAlive(s *suite) {
	seg := mortal(s.T)
	p := s.start()
	if !isPeer(seg, p) {
		s.Error("the peer is not seen")
	}
	p.Send("registered") // for the barriers of others, before it stores anything
	if mask := proctest.Must(strconv.Atoi(p.Recv()))(s); mask >= 0 && mask&(1<<2) == 0 && !symmetric {
		s.Error("the peer is not registered")
	}
	p.do("", "close")
	if isPeer(seg, p) {
		s.Error("the peer is seen after close")
	}
	p.do("segment is closed", "close")
	p.exit()
	q := s.start()
	q.Kill()
	if isPeer(seg, q) {
		s.Error("the peer is seen after its death")
	}
	for range 3 * 128 { // slots are used again
		seg := proctest.Must(shm.Open("s", nil))(s)
		proctest.Check(s, seg.Close())
	}
	p = s.start()
	for range 300 {
		p.do("", "free")
		p.do("", "open", "s")
	}
	p.exit()
}

// testFork has a child of fork outlive its parent, whose lock then is free.
func testFork(s *suite) {
	seg := mortal(s.T)
	l := proctest.Must(shm.NewLock(seg, "l"))(s)
	p := s.start()
	p.do("", "lock", "l")
	p.do("", "take", "l", -1)
	p.Send("fork", "s", "l")
	child, rest, _ := strings.Cut(p.Recv(), " ")
	const before = "segment was opened before the fork"
	if want := before + ", " + before + ", success, taken, " + before; rest != want {
		s.Errorf("the child says %q, want %q", rest, want)
	}
	wantError(s.T, "the lock of the parent", l.LockContext(ended()), ended().Err())
	p.do("", "unlock", "l") // the parent goes on
	p.do("", "take", "l", -1)

	files := proctest.Must(os.ReadDir("/proc/" + child + "/fd"))(s)
	for _, f := range files {
		if file, _ := os.Readlink("/proc/" + child + "/fd/" + f.Name()); file == path() {
			s.Errorf("the child has descriptor %s of the segment", f.Name())
		}
	}
	maps := string(proctest.Must(os.ReadFile("/proc/" + child + "/maps"))(s))
	if strings.Contains(maps, path()) {
		s.Error("the child has the segment mapped")
	}
	p.Kill()
	wantError(s.T, "the lock of a parent that died", l.LockContext(ctx), shm.ErrOwnerDied)
	pid := proctest.Must(strconv.Atoi(child))(s)
	c := proctest.Must(os.FindProcess(pid))(s)
	wantNil(s.T, "the child lived to the end", c.Kill())
}

// testClosed has operations on what was closed refuse.
func testClosed(s *suite) {
	seg := segment(s.T)
	p := s.start()
	p.do("", "value", "v", "int64")
	p.do("", "value", "big", "[4]int64")
	p.do("", "array", "a", "int64", 4)
	p.do("", "lock", "l")
	p.do("", "take", "l", -1)
	p.do("", "spsc", "q", "int64", 4)
	p.do("", "produce", "q")
	p.do("", "consume", "q")
	p.do("", "semaphore", "m", 4)
	p.do("", "acquire", "m", 4, 0)
	p.do("", "mpmc", "many", "int64", 4)
	p.do("", "bytes", "b", 64)
	p.do("", "bproduce", "b")
	p.do("", "bconsume", "b")
	p.do("", "close")
	const closed = "segment is closed"
	p.do(closed, "vload", "v")
	p.do(closed, "vstore", "v", hexOf(int64(1)))
	p.do(closed, "vstore", "big", hexOf([4]int64{1}))
	p.do(closed, "vwait", "v", hexOf(int64(0)), 1000)
	p.do(closed, "astore", "a", 1, hexOf(int64(1)))
	p.do(closed, "unlock", "l")
	p.do(closed, "take", "l", 1000)
	p.do(closed, "try", "l")
	p.do(closed, "push", "q", hexOf(int64(1)), 0)
	p.do(closed, "pop", "q", 0)
	p.do(closed, "pop", "q", 1000)
	p.do(closed, "undo", "q", "producer")
	p.do(closed, "produce", "q")
	p.do(closed, "lock", "other")
	p.do(closed, "release", "m", 1)
	p.do(closed, "acquire", "m", 1, 1000)
	p.do(closed, "tryacquire", "m", 1)
	p.do(closed, "mpush", "many", hexOf(int64(1)), 0)
	p.do(closed, "mpop", "many", 0)
	p.do(closed, "mpop", "many", 1000)
	p.do(closed, "mnext", "many", 1000)
	p.do(closed, "bpush", "b", "01", 0)
	p.do(closed, "bpop", "b", 1000, 9)
	p.do(closed, "bend", "b")
	v := proctest.Must(shm.NewValue[int64](seg, "v"))(s)
	if x := v.Load(); x != 0 {
		s.Errorf("the closed peer has stored %d", x)
	}
	l := proctest.Must(shm.NewLock(seg, "l"))(s)
	wantError(s.T, "the lock that it held", l.LockContext(ctx), shm.ErrOwnerDied)
	_, err := shm.Open("none", nil)
	wantError(s.T, "open", err, fs.ErrNotExist)
	p.exit()
}

// testCreate has C make segments, which Go opens.
func testCreate(s *suite) {
	segment(s.T)
	p := s.start()
	p.do("", "free")
	p.do("exists", "create", "s", 4096, 0, 0, 0)
	p.do("invalid argument", "create", "t", 100, 0, 1025, 0)
	p.do("no room left", "create", "t", 1<<39, 0, 0, 0)
	p.do("", "create", "t", 100000, 7, 70, 9)
	p.do("", "value", "v", "int64")
	p.do("", "vstore", "v", hexOf(int64(5)))
	_, err := shm.Open("t", nil)
	wantError(s.T, "open another version", err, shm.ErrMismatch)
	seg := proctest.Must(shm.Open("t", &shm.Options{Version: 7}))(s)
	if seg.Size() != 102400 {
		s.Errorf("it has %d bytes", seg.Size())
	}
	v := proctest.Must(shm.NewValue[int64](seg, "v"))(s)
	if v.Load() != 5 {
		s.Errorf("Go loads %d", v.Load())
	}
	for i := range 8 {
		p.do("", "lock", fmt.Sprint("l", i))
	}
	p.do("no room left", "lock", "l8")
	p.do("no room left", "array", "big", "int64", 1<<20)
	wantNil(s.T, "close", seg.Close())
	p.do("", "remove", "t")
	p.exit()
}

// testAnonymous has C use a segment whose file it inherits.
func testAnonymous(s *suite) {
	proctest.Dir(s.T)
	seg := proctest.Must(shm.Anonymous(1<<16, nil))(s)
	defer seg.Close()
	v := proctest.Must(shm.NewValue[int64](seg, "v"))(s)
	options := &proctest.Options{Binary: s.binary, ExtraFiles: []*os.File{seg.File()}}
	p := peer{proctest.StartWith(s.T, options, "peer"), s.T}
	p.do("", "openfd", 3)
	p.do("", "value", "v", "int64")
	p.do("", "vstore", "v", hexOf(int64(5)))
	if v.Load() != 5 {
		s.Errorf("Go loads %d", v.Load())
	}
	p.exit()
}

// testGate has C wait at the gate, find the segment that has the name by then, and take an id
// whose byte nobody has locked.
func testGate(s *suite) {
	segment(s.T)
	p := s.start()
	p.do("", "free")
	old := proctest.Must(os.OpenFile(path(), os.O_RDWR, 0))(s)
	defer old.Close()
	lock := func(f *os.File, n int64) {
		proctest.Check(s, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: 1<<40 + n, Len: 1}))
	}
	lock(old, -3)
	p.Send("open", "s")
	waits := func() bool { // as the kernel shows who waits for a lock
		b := proctest.Must(os.ReadFile("/proc/locks"))(s)
		return strings.Contains(string(b), "-> OFDLCK")
	}
	proctest.Until(s, "it waits at the gate", waits)
	proctest.Check(s, os.Remove(path()))
	seg := proctest.Must(shm.Create("s", 1<<16, nil))(s)
	defer seg.Close()
	now := proctest.Must(os.OpenFile(path(), os.O_RDWR, 0))(s)
	defer now.Close()
	lock(now, 2)
	lock(now, 3)
	proctest.Check(s, old.Close())
	p.Expect("")
	p.do("4", "id")
	if !isPeer(seg, p) {
		s.Error("the peer is not seen")
	}
	p.exit()
}

// testDeathNoted has C note that somebody has died before it takes his slot, or holds it
// (docs/FORMAT.md, F11), and nothing of who has left.
func testDeathNoted(s *suite) {
	proctest.Dir(s.T)
	proctest.Mortal(s.T)
	seg := proctest.Must(shm.Create("s", 1<<16, &shm.Options{MaxProcs: 3}))(s)
	s.Cleanup(func() { seg.Close(); shm.Remove("s", nil) })
	died := func() (all []uint64) {
		b := proctest.Must(os.ReadFile(path()))(s)
		for slot := range 3 {
			if id := binary.NativeEndian.Uint64(b[4096+64*slot+48:]); id != 0 {
				all = append(all, id)
			}
		}
		slices.Sort(all)
		return all
	}
	id := func(p peer) uint64 {
		p.Send("id")
		return proctest.Must(strconv.ParseUint(p.Recv(), 10, 64))(s)
	}
	want := func(what string, ids ...uint64) {
		s.Helper()
		if d := died(); !slices.Equal(d, ids) {
			s.Errorf("%s: %d have died, it says, not %d", what, d, ids)
		}
	}
	one, two := s.start(), s.start()
	one.do("", "close")
	one.exit()
	one = s.start()
	want("one left, and its slot was taken")
	for _, p := range []peer{one, two} {
		p.do("", "mpmc", "q", "int64", 4)
	}
	one.do("", "mpush", "q", hexOf(int64(1)), 0)
	x := id(one)
	one.Kill()
	two.do("", "mpush", "q", hexOf(int64(2)), 0)
	want("its slot was held", x)

	y := id(two)
	two.Kill()
	one = s.start()
	two = s.start()
	want("both slots were taken", y, x)
	one.exit()
	two.exit()
}
