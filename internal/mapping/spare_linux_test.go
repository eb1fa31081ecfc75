package mapping

import (
	"fmt"
	"os"
	"regexp"
	"slices"
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

// TestSpareLocked has all that is mapped be locked: the file, until it is severed, and
// the spare never.
func TestSpareLocked(t *testing.T) {
	f := tempFile(t)
	if err := unix.Mlockall(unix.MCL_FUTURE); err != nil {
		t.Skip("no locked memory: ", err)
	}
	defer unix.Munlockall()
	m, err := Map(f, size)
	if err != nil {
		t.Skip("no locked memory: ", err)
	}
	locked := func(mem []byte) bool {
		return slices.Contains(strings.Fields(smaps(t, mem, "VmFlags")), "lo")
	}
	if !locked(m.Bytes()) || locked(m.spare) {
		t.Errorf("locked: the file %v, the spare %v", locked(m.Bytes()), locked(m.spare))
	}
	if err := m.Sever(); err != nil {
		t.Error(err)
	}
	if locked(m.Bytes()) {
		t.Error("what has been severed is locked")
	}
	if err := m.Unmap(); err != nil {
		t.Error(err)
	}
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
	if rss := smaps(t, m.spare, "Rss"); rss != "0 kB" {
		t.Errorf("%s of the spare are there", rss)
	}
	if err := m.Sever(); err != nil {
		t.Error(err)
	}
	m.Bytes()[size-1] = 1
}

// smaps returns what the kernel says of the mapping that begins where mem does.
func smaps(t *testing.T, mem []byte, field string) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(fmt.Sprintf("%p", mem), "0x")
	of := regexp.MustCompile(`(?ms)^0*` + address + `-.*?^` + field + `: *([^\n]*)`).FindSubmatch(b)
	if of == nil {
		t.Skip("smaps does not have this process's addresses, as under an emulator that moves them")
	}
	return strings.TrimSpace(string(of[1]))
}
