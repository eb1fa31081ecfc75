package segment

import (
	"io/fs"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

// heir uses the segment in an inherited file.
var _ = proctest.Register("heir", func(c *proctest.Child) {
	f := c.File(0)
	s, err := FromFile(f, nil)
	c.Check(err)
	o, err := s.Object(Spec{Kind: layout.KindValue, Name: "x", Size: 4})
	c.Check(err)
	if o.Created {
		c.Fatalf("the heir has created the object")
	}
	layout.At[atomic.Uint32](o.Mem, 0).Add(1)
	c.Send(uint32(s.ID()))
	for {
		id, err := strconv.ParseUint(c.Recv(), 10, 64)
		if err != nil {
			break
		}
		c.Send(s.Dead(liveness.ID(id)))
	}
	c.Check(s.Close())
	c.Check(f.Close())
})

func TestAnonymous(t *testing.T) {
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	s, err := Anonymous(testSize, nil)
	must(t, s, err)
	if got := files(t, dir); got != "" {
		t.Errorf("files are %q", got)
	}
	if s.Replaced() {
		t.Error("a segment without a name is replaced")
	}
	o := mustObject(t, s, Spec{Kind: layout.KindValue, Name: "x", Size: 4})
	layout.At[atomic.Uint32](o.Mem, 0).Store(41)

	heir := proctest.StartWith(t, &proctest.Options{ExtraFiles: []*os.File{s.File()}}, "heir")
	n, err := strconv.ParseUint(heir.Recv(), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	id := liveness.ID(n)
	if layout.At[atomic.Uint32](o.Mem, 0).Load() != 42 || s.Dead(id) || id == s.ID() {
		t.Errorf("the heir %#x has left %v, dead %v", id, o.Mem, s.Dead(id))
	}
	heir.Send(uint32(s.ID()))
	heir.Expect(false)

	// The heir has inherited one description of the file, but not our life.
	other, err := FromFile(s.File(), nil)
	must(t, other, err)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	heir.Send(uint32(s.ID()))
	heir.Expect(true)
	heir.Send(uint32(other.ID()))
	heir.Expect(false)
	heir.Send("end")
	heir.Wait()
	if !other.Dead(id) {
		t.Error("the heir has ended and looks alive")
	}
}

func TestAnonymousKilled(t *testing.T) {
	proctest.NoLeaks(t)
	s, err := Anonymous(testSize, nil)
	must(t, s, err)
	mustObject(t, s, Spec{Kind: layout.KindValue, Name: "x", Size: 4})
	heir := proctest.StartWith(t, &proctest.Options{ExtraFiles: []*os.File{s.File()}}, "heir")
	n, err := strconv.ParseUint(heir.Recv(), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if s.Dead(liveness.ID(n)) {
		t.Error("the heir looks dead")
	}
	heir.Kill()
	if !s.Dead(liveness.ID(n)) {
		t.Error("the heir was killed and looks alive")
	}
}

func TestSealed(t *testing.T) {
	s, err := Anonymous(testSize, &Options{Mode: 0o640})
	must(t, s, err)
	info, err := s.File().Stat()
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o640 {
		t.Errorf("mode is %v", info.Mode())
	}
	for _, size := range []int64{0, info.Size() + 1} {
		if err := s.File().Truncate(size); err == nil {
			t.Errorf("resized from %d to %d", info.Size(), size)
		}
	}
}

func TestAnonymousErrors(t *testing.T) {
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	_, err := Anonymous(0, nil)
	proctest.WantError(t, "Anonymous", err, ErrSize, `create segment "anonymous"`, "size is 0 bytes")
	_, err = FromFile(nil, nil)
	proctest.WantError(t, "FromFile", err, fs.ErrInvalid, "nil file")

	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = FromFile(f, nil)
	proctest.WantError(t, "directory", err, ErrCorrupt, "is a directory")
	f.Close()
	_, err = FromFile(f, nil)
	proctest.WantError(t, "closed file", err, os.ErrClosed)

	f, err = os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = FromFile(f, nil)
	proctest.WantError(t, "empty file", err, ErrCorrupt, "file has 0 bytes", f.Name())

	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	_, err = FromFile(r, nil)
	proctest.WantError(t, "pipe", err, ErrCorrupt, "is a special file")
}

func TestFromNamedFile(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	a := mustCreate(t, "s", nil)
	f, err := os.OpenFile((&Options{Dir: defaultDir()}).path("s"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	b, err := FromFile(f, nil)
	must(t, b, err)
	f.Close()
	if a.Dead(b.ID()) {
		t.Error("closing the file has killed the Segment made of it")
	}
}

func TestDescriptorsAreNotInherited(t *testing.T) {
	s, err := Anonymous(testSize, nil)
	must(t, s, err)
	var flags int
	if err := control(s.File(), func(fd int) { flags, err = unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0) }); err != nil {
		t.Fatal(err)
	}
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags are %#x, %v", flags, err)
	}
}
