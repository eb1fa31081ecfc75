package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// Printed, rings and their ends say what they are, and no addresses.
func TestString(t *testing.T) {
	proctest.Dir(t)
	s := proctest.Must(shm.Create("s", 1<<16, nil))(t)
	defer shm.Remove("s", nil)
	defer s.Close()
	spsc := proctest.Must(ring.NewSPSC[int](s, "one", 1))(t)
	mpmc := proctest.Must(ring.NewMPMC[int](s, "many", 1))(t)
	bytes := proctest.Must(ring.NewBytes(s, "bytes", 64))(t)
	for _, test := range []struct {
		v    any
		want string
	}{
		{spsc, `SPSC ring "one" in segment "s"`},
		{proctest.Must(spsc.Producer())(t), `SPSC ring "one" in segment "s"`},
		{proctest.Must(spsc.Consumer())(t), `SPSC ring "one" in segment "s"`},
		{mpmc, `MPMC ring "many" in segment "s"`},
		{bytes, `byte ring "bytes" in segment "s"`},
		{proctest.Must(bytes.Producer())(t), `byte ring "bytes" in segment "s"`},
		{proctest.Must(bytes.Consumer())(t), `byte ring "bytes" in segment "s"`},
	} {
		if got := fmt.Sprintf("%+v", test.v); got != test.want {
			t.Errorf("%T is printed as %s, want %s", test.v, got, test.want)
		}
	}
}
