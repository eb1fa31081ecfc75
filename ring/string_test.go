package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestString: printed, rings and their ends say what they are, and no addresses.
func TestString(t *testing.T) {
	s := newSegment(t)
	b, p := newBroadcast(t, s, 4)
	for _, v := range []any{b, p, subscribe(t, b, ring.FromNow)} {
		if got, want := fmt.Sprintf("%+v", v), `broadcast ring "broadcast" in segment "test"`; got != want {
			t.Errorf("%T is printed as %s, want %s", v, got, want)
		}
	}
	for kind, what := range map[string]string{"SPSC": "SPSC ring", "MPMC": "MPMC ring", "Bytes": "byte ring", "BytesMPMC": "MPMC byte ring"} {
		q := proctest.Must(ringtest.Kinds[kind](s, kind, 4))(t)
		printed := []any{q.Handle()}
		if q.Roles() {
			printed = append(printed, proctest.Must(q.Producer())(t).Handle(), proctest.Must(q.Consumer())(t).Handle())
		}
		for _, v := range printed {
			if got, want := fmt.Sprintf("%+v", v), fmt.Sprintf("%s %q in segment %q", what, kind, "test"); got != want {
				t.Errorf("%T is printed as %s, want %s", v, got, want)
			}
		}
	}
	work := newWork(t, s, "work", 4)
	if got, want := fmt.Sprintf("%+v", work), `work queue "work" in segment "test"`; got != want {
		t.Errorf("a WorkQueue is printed as %s, want %s", got, want)
	}
}
