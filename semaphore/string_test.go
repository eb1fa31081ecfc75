package semaphore_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

func TestString(t *testing.T) {
	proctest.Dir(t)
	s := proctest.Must(shm.Create("s", 1<<16, nil))(t)
	defer shm.Remove("s", nil)
	defer s.Close()
	sem := proctest.Must(semaphore.New(s, "sem", 1, nil))(t)
	if got, want := fmt.Sprintf("%+v", sem), `semaphore "sem" in segment "s"`; got != want {
		t.Errorf("printed as %s, want %s", got, want)
	}
}
