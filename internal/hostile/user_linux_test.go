package hostile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// Two users who have nothing in common. Neither need have a name here.
const (
	alice = 54321
	bob   = 54322
)

// user does what it is told with a segment, and says what came of it. The
// options of a command are a mode, a umask and a uid to trust, in octal.
var _ = proctest.Register("user", func(c *proctest.Child) {
	for {
		var do, name string
		var mode, umask int
		trusted := -1
		fmt.Sscanf(c.Recv(), "%s %s %o %o %o", &do, &name, &mode, &umask, &trusted)
		opts := &shm.Options{Dir: c.Arg(0), Mode: fs.FileMode(mode), TrustedUIDs: []int{trusted}}
		syscall.Umask(umask)
		var s *shm.Segment
		var err error
		switch do {
		case "create":
			s, err = shm.Create(name, 4096, opts)
		case "open":
			s, err = shm.Open(name, opts)
		case "open-or-create":
			s, err = shm.OpenOrCreate(name, 4096, opts)
		case "inherit":
			s, err = shm.FromFile(c.File(0), opts)
		case "remove":
			err = shm.Remove(name, opts)
		case "uid":
			c.Send(os.Geteuid())
			continue
		case "link":
			err = os.Symlink("isthmus.private", filepath.Join(c.Arg(0), "isthmus."+name))
		default:
			return
		}
		if s != nil {
			_, err = shm.NewLock(s, "lock")
			c.Check(s.Close())
		}
		c.Send(nameOf(err))
	}
})

// nameOf returns the name of the first of those that an error is.
func nameOf(err error) string {
	for _, e := range []error{
		shm.ErrUntrusted, shm.ErrCorrupt, shm.ErrSpace, shm.ErrNoRoom, shm.ErrOwnerDied, shm.ErrSegmentClosed,
		fs.ErrPermission, fs.ErrExist, fs.ErrNotExist, syscall.EMFILE, syscall.ENOMEM,
	} {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	return fmt.Sprint(err)
}

// as starts a process of a user, who is in no group but one.
func as(uid uint32) *proctest.Options {
	return &proctest.Options{Attributes: func(a *syscall.SysProcAttr) {
		a.Credential = &syscall.Credential{Uid: uid, Gid: uid}
	}}
}

func needRoot(t *testing.T, helpers ...string) {
	if os.Geteuid() != 0 {
		proctest.MaySkip(helpers...)
		t.Skip("needs root")
	}
}

// sharedDir makes a directory that is everybody's, as /dev/shm is.
func sharedDir(t *testing.T) string {
	t.Helper()
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "isthmus-hostile-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestUsers(t *testing.T) {
	needRoot(t, "user")
	proctest.NoLeaks(t)
	dir := sharedDir(t)
	private, err := shm.Anonymous(4096, nil) // of root
	if err != nil {
		t.Fatal(err)
	}
	defer private.Close()
	public, err := shm.Anonymous(4096, &shm.Options{Mode: 0o666})
	if err != nil {
		t.Fatal(err)
	}
	defer public.Close()
	inheriting := func(s *shm.Segment) *proctest.Options {
		o := as(bob)
		o.ExtraFiles = []*os.File{s.File()}
		return o
	}
	a := proctest.StartWith(t, as(alice), "user", dir)
	b := proctest.StartWith(t, inheriting(private), "user", dir)
	c := proctest.StartWith(t, inheriting(public), "user", dir)
	expect := func(p *proctest.Proc, command string, want error) {
		t.Helper()
		p.Send(command)
		name := nameOf(want)
		if got := p.Recv(); got != name {
			t.Errorf("%s: %q, want %q", command, got, name)
		}
	}
	trusting := func(uid int) string { return fmt.Sprintf(" 0 0 %o", uid) }

	// What others may not read is not theirs, whomever they trust.
	expect(a, "create private", nil)
	expect(b, "open private", fs.ErrPermission)
	expect(b, "open private"+trusting(alice), fs.ErrPermission)
	expect(b, "open-or-create private", fs.ErrPermission)
	expect(b, "create private", fs.ErrExist)
	expect(b, "remove private", fs.ErrPermission)
	expect(a, "open private", nil)

	// What they may is refused unless they trust its owner.
	expect(b, "create planted 666", nil)
	expect(a, "open planted", shm.ErrUntrusted)
	expect(a, "open-or-create planted", shm.ErrUntrusted)
	expect(a, "create planted", fs.ErrExist)
	expect(a, "open planted"+trusting(alice), shm.ErrUntrusted)
	expect(a, "open planted"+trusting(bob), nil)
	expect(b, "create grouped 660", nil)
	expect(a, "open grouped"+trusting(bob), fs.ErrPermission)

	// A link is refused, also one to a segment of one's own.
	expect(b, "link alias", nil)
	expect(a, "open alias", shm.ErrCorrupt)
	expect(a, "open-or-create alias", shm.ErrCorrupt)
	expect(a, "create alias", fs.ErrExist)
	expect(a, "open alias"+trusting(bob), shm.ErrCorrupt)

	// To have inherited the file is not enough.
	expect(b, "inherit it", shm.ErrUntrusted)
	expect(b, "inherit it"+trusting(0), fs.ErrPermission)
	expect(c, "inherit it", shm.ErrUntrusted)
	expect(c, "inherit it"+trusting(0), nil)
	c.Send("end")
	expect(b, "remove planted", nil)
	a.Send("end")
	b.Send("end")
	for _, p := range []*proctest.Proc{a, b, c} {
		p.Wait()
	}
}

// TestUnmapped has a process in a user namespace that maps nobody, so that all users
// look like one to it: itself, and those who mean it harm.
func TestUnmapped(t *testing.T) {
	needRoot(t, "user")
	unmapped := apart(syscall.CLONE_NEWUSER, 0)
	probe := exec.Command("/proc/self/exe", "-test.run=^$")
	probe.SysProcAttr = new(syscall.SysProcAttr)
	unmapped.Attributes(probe.SysProcAttr)
	if err := probe.Run(); err != nil {
		t.Skip("no user namespaces: ", err)
	}
	proctest.NoLeaks(t)
	dir := sharedDir(t)
	private, err := shm.Anonymous(4096, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer private.Close()
	b := proctest.StartWith(t, as(bob), "user", dir)
	b.Send("create planted 666")
	b.Expect(nil)

	unmapped.ExtraFiles = []*os.File{private.File()}
	u := proctest.StartWith(t, unmapped, "user", dir)
	u.Send("uid")
	all := " 0 0 " + octal(t, u.Recv())
	for _, step := range []struct {
		command string
		want    error
	}{
		{"open planted", shm.ErrUntrusted},
		{"open-or-create planted", shm.ErrUntrusted},
		{"open planted" + all, nil},
		{"inherit it", shm.ErrUntrusted},
		{"inherit it" + all, nil},
		{"create own", shm.ErrUntrusted},
		{"open-or-create own", shm.ErrUntrusted},
		{"open own", fs.ErrNotExist},
		{"create own" + all, nil},
		{"open own", shm.ErrUntrusted},
		{"open own" + all, nil},
		{"remove own", nil},
	} {
		u.Send(step.command)
		if got := u.Recv(); got != nameOf(step.want) {
			t.Errorf("%s: %q, want %v", step.command, got, step.want)
		}
	}
	for _, p := range []*proctest.Proc{u, b} {
		p.Send("end")
		p.Wait()
	}
}

func octal(t *testing.T, decimal string) string {
	t.Helper()
	n, err := strconv.Atoi(decimal)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.FormatInt(int64(n), 8)
}

// TestModes has modes come out as asked for, whatever the umask.
func TestModes(t *testing.T) {
	needRoot(t, "user")
	dir := sharedDir(t)
	p := proctest.StartWith(t, as(alice), "user", dir)
	for _, umask := range []int{0, 0o22, 0o77, 0o777} {
		for _, mode := range []fs.FileMode{0, 0o600, 0o640, 0o644, 0o660, 0o662, 0o666} {
			p.Send(fmt.Sprintf("create x %o %o", int(mode), umask))
			p.Expect(nil)
			info, err := os.Stat(filepath.Join(dir, "isthmus.x"))
			if err != nil {
				t.Fatal(err)
			}
			want := mode
			if mode == 0 {
				want = 0o600
			}
			if uid := info.Sys().(*syscall.Stat_t).Uid; info.Mode() != want || uid != alice {
				t.Errorf("mode %#o with umask %#o became %v, of uid %d", mode, umask, info.Mode(), uid)
			}
			p.Send("remove x")
			p.Expect(nil)
		}
	}
	p.Send("end")
	p.Wait()
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Error("left:", strings.TrimSpace(fmt.Sprint(files)), err)
	}
}
