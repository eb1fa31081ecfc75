package shm_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// Printed, objects say what they are, and no addresses.
func TestString(t *testing.T) {
	proctest.Dir(t)
	s := proctest.Must(shm.Create("s", 1<<16, nil))(t)
	defer shm.Remove("s", nil)
	defer s.Close()
	for want, v := range map[string]any{
		`segment "s"`:                s,
		`lock "l" in segment "s"`:    proctest.Must(shm.NewLock(s, "l"))(t),
		`rwlock "rw" in segment "s"`: proctest.Must(shm.NewRWLock(s, "rw"))(t),
		`value "v" in segment "s"`:   proctest.Must(shm.NewValue[int](s, "v"))(t),
		`array "a" in segment "s"`:   proctest.Must(shm.NewArray[int](s, "a", 1))(t),
		`table "tab" in segment "s"`: proctest.Must(shm.NewTable[int](s, "tab", 1))(t),
	} {
		if got := fmt.Sprintf("%v %+v", v, v); got != want+" "+want {
			t.Errorf("printed as %s, want %s", got, want)
		}
	}
}
