package shm_test

import (
	"os"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// roles are what this binary does, instead of running tests, when it is started
// with ROLE set: the examples, whose child processes run the same function.
var roles = map[string]func(){
	"Example":      Example,
	"ExampleLock":  ExampleLock,
	"ExampleTable": ExampleTable,
	"depositor":    ExampleLock_account,
	"withdrawer":   ExampleLock_account,
}

func TestMain(m *testing.M) {
	if role, ok := os.LookupEnv("ROLE"); ok {
		roles[role]()
		return
	}
	proctest.Main(m)
}

func newLock(t proctest.Fataler, seg *shm.Segment, name string) *shm.Lock {
	t.Helper()
	return proctest.Must(shm.NewLock(seg, name))(t)
}

func newRWLock(t proctest.Fataler, seg *shm.Segment, name string) *shm.RWLock {
	t.Helper()
	return proctest.Must(shm.NewRWLock(seg, name))(t)
}

func newArray[T any](t proctest.Fataler, seg *shm.Segment, name string, n int) *shm.Array[T] {
	t.Helper()
	return proctest.Must(shm.NewArray[T](seg, name, n))(t)
}

func newTable[T any](t proctest.Fataler, seg *shm.Segment, name string, n int) *shm.Table[T] {
	t.Helper()
	return proctest.Must(shm.NewTable[T](seg, name, n))(t)
}

// pass goes through a lock, and changes nothing inside.
func pass(mu sync.Locker) {
	mu.Lock()
	defer mu.Unlock()
}
