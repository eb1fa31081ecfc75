package segment

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

// TestPopulateOption looks at the page tables of segments that are made, and opened,
// with and without Options.Populate.
func TestPopulateOption(t *testing.T) {
	if _, _, err := proctest.Present(nil); err != nil {
		t.Skip(err)
	}
	proctest.Dir(t)
	for _, populate := range []bool{true, false} {
		o := &Options{Populate: populate}
		made, err := Create("s", 64*layout.PageSize, o)
		must(t, made, err)
		opened, err := Open("s", o)
		must(t, opened, err)
		for what, s := range map[string]*Segment{"made": made, "opened": opened} {
			present, pages, err := proctest.Present(s.mem)
			must(t, s, err)
			if (present == pages) != populate {
				t.Errorf("%s with Populate %v: %d of %d pages are present", what, populate, present, pages)
			}
		}
		if err := Remove("s", nil); err != nil {
			t.Error(err)
		}
	}
}
