package hostile

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// TestNamespaces has a tenant in namespaces of its own, where it is process 1 and
// the directory of the segment is elsewhere.
func TestNamespaces(t *testing.T) {
	proctest.Mortal(t)
	needRoot(t, "tenant")
	proctest.NoLeaks(t)
	opts := houseDir(t)
	h := build(t, opts)
	r := rent(t, h, apart(unix.CLONE_NEWPID, unix.CLONE_NEWNS), opts.Dir, t.TempDir())
	r.tell("pid", "1")
	r.live()
	// And the other way round: it is this process that seems to die.
	r = rent(t, h, apart(unix.CLONE_NEWPID, unix.CLONE_NEWNS), opts.Dir, t.TempDir())
	r.want("lock", fine)
	r.tell("try", "false true")
	r.want("close", fine)
	r.tell("lock", died)
	r.Send("end")
	r.Wait()
}

// TestClocks has a tenant whose monotonic clock is a day ahead. No clock is in the
// shared memory, and the waits are on the monotonic clock of whoever waits: the
// wall clock, which may be stepped, is in none. (Stepping it here would step it
// for the whole machine; TestMonotonic looks at the system calls instead.)
func TestClocks(t *testing.T) {
	proctest.Mortal(t)
	needRoot(t, "tenant")
	opts := houseDir(t)
	h := build(t, opts)
	runtime.LockOSThread() // for good: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWTIME); err != nil {
		t.Skip("no time namespaces: ", err)
	}
	offsets := fmt.Sprintf("/proc/%d/timens_offsets", unix.Gettid())
	if err := os.WriteFile(offsets, []byte("monotonic 86400 0\nboottime 86400 0\n"), 0); err != nil {
		t.Skip("no offset of a clock: ", err)
	}
	r := rent(t, h, nil, opts.Dir)
	here, _ := strconv.Atoi(h.do("clock"))
	there, _ := strconv.Atoi(r.ask("clock"))
	if there-here < 80000 {
		r.Kill()
		t.Skip("this kernel does not let the programs that a thread starts have another clock")
	}
	r.live()
}

// TestChildrenOfTheDead has a tenant start a program that has nothing to do with
// the segment, and lives on after it.
func TestChildrenOfTheDead(t *testing.T) {
	proctest.Mortal(t)
	if _, err := exec.LookPath("sleep"); err != nil {
		t.Skip("needs sleep: ", err)
	}
	anonymous, err := furnished(shm.Anonymous(1<<16, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer anonymous.seg.Close()
	opts := houseDir(t)
	for _, r := range []rented{
		rent(t, build(t, opts), nil, opts.Dir),
		rent(t, anonymous, &proctest.Options{ExtraFiles: []*os.File{anonymous.seg.File()}}, "inherited"),
	} {
		for _, what := range []string{"lock", "acquire", "produce", "push"} {
			r.tell(what, fine)
		}
		pid, err := strconv.Atoi(r.ask("spawn"))
		if err != nil {
			t.Fatal(err)
		}
		r.Kill()
		r.inherit()
		if s := state(pid); s == 0 || s == 'Z' {
			t.Error("the child of the dead is dead itself")
		}
		syscall.Kill(pid, syscall.SIGKILL)
		if !ended(pid) {
			t.Errorf("process %d does not end", pid)
		}
	}
}

// TestZombie has a process die and nobody take notice.
func TestZombie(t *testing.T) {
	proctest.Mortal(t)
	opts := houseDir(t)
	h := build(t, opts)
	zombie := exec.Command("/proc/self/exe", opts.Dir)
	zombie.Env = append(os.Environ(), envRole+"=zombie")
	stdin, err := zombie.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := zombie.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := zombie.Start(); err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	defer zombie.Wait()
	if n, err := stdout.Read(make([]byte, 1)); n != 1 {
		t.Fatal(err)
	}
	if got := h.do("try"); got != "false false" {
		t.Errorf("held by a living process: %s", got)
	}
	zombie.Process.Kill()
	if !ended(zombie.Process.Pid) {
		t.Fatal("it does not end")
	}
	rented{house: h, t: t}.inherit()
	if s := state(zombie.Process.Pid); s != 'Z' {
		t.Errorf("its state is %q, want Z", s)
	}
}

const envRole = "HOSTILE_TEST_ROLE"

// becomeZombie takes all there is, and waits to be killed.
func becomeZombie(dir string) {
	h, err := furnished(shm.Open(houseName, &shm.Options{Dir: dir}))
	if err != nil {
		return
	}
	for _, what := range []string{"lock", "acquire", "produce", "push"} {
		h.do(what)
	}
	os.Stdout.Write([]byte{'.'})
	os.Stdin.Read(make([]byte, 1))
}

// TestStale opens what a machine has left whose processes all died at once.
func TestStale(t *testing.T) {
	proctest.Mortal(t)
	opts := &shm.Options{Dir: t.TempDir(), MaxProcs: 4} // a file that outlives a machine
	h := build(t, opts)
	var all []rented
	for range 3 {
		all = append(all, rent(t, h, nil, opts.Dir))
	}
	all[0].tell("lock", fine)
	all[0].tell("push", fine)
	all[1].tell("acquire", fine)
	all[2].tell("produce", fine)
	h.do("close")
	for _, r := range all {
		r.Signal(syscall.SIGKILL)
	}
	for _, r := range all {
		r.Kill()
	}
	// All four slots were taken, and the file is as a power cut would leave it.
	for _, want := range []string{died, fine} {
		h, err := furnished(shm.OpenOrCreate(houseName, 1<<16, opts))
		if err != nil {
			t.Fatal(err)
		}
		r := rented{house: h, t: t}
		r.want("lock", want)
		r.want("unlock", fine)
		if want == fine {
			r.want("push", fine)
		}
		for _, what := range []string{"pop", "acquire", "release", "produce", "consume", "close"} {
			r.want(what, fine)
		}
	}
}

// TestProcessTable has more processes come than there is room for.
func TestProcessTable(t *testing.T) {
	proctest.Mortal(t)
	opts := houseDir(t)
	opts.MaxProcs = 3
	h := build(t, opts)
	one, two := rent(t, h, nil, opts.Dir), rent(t, h, nil, opts.Dir)
	if _, err := shm.Open(houseName, opts); nameOf(err) != shm.ErrNoRoom.Error() {
		t.Errorf("Open with all slots taken: %v", err)
	}
	one.tell("lock", fine)
	one.tell("acquire", fine)
	one.tell("produce", fine)
	one.tell("push", fine)
	one.Kill()
	three := rent(t, h, nil, opts.Dir) // in the slot of one, whose things it must not have
	three.tell("try", "true true")
	two.want("try", "false true")
	three.Send("end")
	three.Wait()
	two.Send("end")
	two.Wait()
}
