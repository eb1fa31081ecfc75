package mapping

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

// TestPopulated looks at the page table: in a new mapping nothing is present, and then
// every page.
func TestPopulated(t *testing.T) {
	for name, populate := range map[string]func(m *Mapping) error{
		"Populate": (*Mapping).Populate,
		"touch":    func(m *Mapping) error { touch(m.Bytes()); return nil },
	} {
		m := mustMap(t, tempFile(t))
		want := func(when string, all bool) {
			t.Helper()
			n, pages, err := proctest.Present(m.Bytes())
			if err != nil {
				t.Skip(err)
			}
			if all && n != pages || !all && n != 0 {
				t.Errorf("%s: %s %d of %d pages are present", name, when, n, pages)
			}
		}
		want("before", false)
		if err := populate(m); err != nil {
			t.Error(err)
		}
		want("after", true)
		if err := m.Unmap(); err != nil {
			t.Error(err)
		}
	}
}
