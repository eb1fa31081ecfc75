package mapping

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSpare counts the spares: shared memory of no file, which the kernel shows as
// one that it has removed.
func TestSpare(t *testing.T) {
	spares := func() int {
		b, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(b), "/dev/zero (deleted)")
	}
	want := func(when string, n int) {
		t.Helper()
		if got := spares(); got != n {
			t.Errorf("%s there are %d spares, want %d", when, got, n)
		}
	}
	before := spares()
	f := tempFile(t)
	for _, sever := range []bool{false, true} {
		m := mustMap(t, f)
		if sever {
			want("mapped", before+1)
			if err := m.Sever(); err != nil {
				t.Error(err)
			}
			want("severed", before+1)
		}
		if err := m.Unmap(); err != nil {
			t.Error(err)
		}
		want("unmapped", before)
	}
	f.Close()
	if _, err := Map(f, size); err == nil {
		t.Error("mapped a closed file")
	}
	want("after a failure", before)
}

// TestSpareLocked has all that is mapped be locked: the file once, and the spare
// never.
func TestSpareLocked(t *testing.T) {
	const large = 16 << 20
	f := tempFile(t)
	if err := f.Truncate(large); err != nil {
		t.Fatal(err)
	}
	locked := func() (kB int) {
		b, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			fmt.Sscanf(line, "VmLck: %d kB", &kB)
		}
		return kB
	}
	if err := unix.Mlockall(unix.MCL_FUTURE); err != nil {
		t.Skip("no locked memory: ", err)
	}
	defer unix.Munlockall()
	before := locked()
	m, err := Map(f, large)
	if err != nil {
		t.Skip("no locked memory: ", err)
	}
	if got := locked() - before; got < large>>10 || got >= 2*large>>10 {
		t.Errorf("%d kB are locked, of a mapping of %d", got, large>>10)
	}
	if !unlocks(t, locked) {
		t.Skip("what is unmapped stays locked here, as where an emulator keeps all addresses mapped")
	}
	before = locked()
	if err := m.Sever(); err != nil {
		t.Error(err)
	}
	if got := before - locked(); got <= 0 {
		t.Errorf("Sever has unlocked %d kB", got)
	}
	if err := m.Unmap(); err != nil {
		t.Error(err)
	}
}

// unlocks reports whether less memory is locked once some of it is unmapped.
func unlocks(t *testing.T, locked func() int) bool {
	t.Helper()
	mem, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	before := locked()
	if err := unix.Munmap(mem); err != nil {
		t.Fatal(err)
	}
	return locked() < before
}

// TestSpareUntouched has all that is mapped be locked, and so be there, after Map: but
// for the spare, of which there is nothing.
func TestSpareUntouched(t *testing.T) {
	m := mustMap(t, tempFile(t))
	defer m.Unmap()
	if err := unix.Mlockall(unix.MCL_CURRENT); err != nil {
		t.Skip("no locked memory: ", err)
	}
	defer unix.Munlockall()
	b, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	var address uint64
	if _, err := fmt.Sscanf(fmt.Sprintf("%p", m.spare), "0x%x", &address); err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(fmt.Sprintf("(?m)^0*%x-", address)).FindIndex(b)
	if at == nil {
		t.Skip("smaps does not have this process's addresses, as under an emulator that moves them")
	}
	_, after, _ := strings.Cut(string(b[at[1]:]), "\nRss:")
	var kB int
	if _, err := fmt.Sscan(after, &kB); err != nil || kB != 0 {
		t.Errorf("%d kB of the spare are there (%v)", kB, err)
	}
	if err := m.Sever(); err != nil {
		t.Error(err)
	}
	m.Bytes()[size-1] = 1
}
