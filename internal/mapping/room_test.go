package mapping

import (
	"math/bits"
	"os"
	"runtime"
	"testing"
)

// TestRoom severs more mappings than fit into a small address space. They go as
// their owners become unreachable, if somebody needs their addresses.
func TestRoom(t *testing.T) {
	if !Severs() || bits.UintSize != 32 {
		t.Skip("the address space is large, or its mappings cannot be severed")
	}
	const huge = 256 << 20 // not more, since what the runtime maps lies in between
	f := tempFile(t)
	if err := f.Truncate(huge); err != nil {
		t.Fatal(err)
	}
	for range 40 {
		m, err := Map(f, huge)
		if err != nil {
			t.Fatal(err)
		}
		owner := &struct{ f *os.File }{f}
		runtime.AddCleanup(owner, func(m *Mapping) { m.Unmap() }, m)
		if err := m.Sever(); err != nil {
			t.Fatal(err)
		}
		runtime.KeepAlive(owner)
	}
	for severed.Load() > 0 { // else the last of them are in the way of other tests
		runtime.GC()
	}
}
