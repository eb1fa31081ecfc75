package shmnet_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shmnet"
)

var background = context.Background()

var names atomic.Int64

// newName returns a name that no other test has.
func newName() string { return fmt.Sprintf("test-%d-%d", os.Getpid(), names.Add(1)) }

// listen returns a listener that is closed at the end of the test, when nothing of what the test
// has made may be left.
func listen(t testing.TB, name string) *shmnet.Listener {
	t.Helper()
	noLeaks(t)
	l, err := shmnet.Listen(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func accept(t testing.TB, l *shmnet.Listener) *shmnet.Conn {
	t.Helper()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*shmnet.Conn)
}

func dial(t testing.TB, name string) *shmnet.Conn { return dialBuffer(t, name, 0) }

func dialBuffer(t testing.TB, name string, buffer int) *shmnet.Conn {
	t.Helper()
	c, err := (&shmnet.Dialer{Buffer: buffer}).DialContext(background, "shm", name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*shmnet.Conn)
}

// pair returns both sides of a connection in this process.
func pair(t testing.TB) (dialled, accepted *shmnet.Conn) { return pairBuffer(t, 0) }

func pairBuffer(t testing.TB, buffer int) (dialled, accepted *shmnet.Conn) {
	t.Helper()
	name := newName()
	l := listen(t, name)
	return dialBuffer(t, name, buffer), accept(t, l)
}

// mappings counts the connections that this process has mapped.
func mappings(t testing.TB) int {
	b, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(b), "isthmus.shmnet")
}

// resident returns how many bytes of connections this process has in its page tables.
func resident(t testing.TB) (bytes int) {
	b, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		switch {
		case !strings.HasSuffix(f[0], ":"): // the head of a mapping
			inside = strings.Contains(line, "isthmus.shmnet")
		case inside && f[0] == "Rss:":
			kib, err := strconv.Atoi(f[1])
			check(t, err)
			bytes += kib << 10
		}
	}
	return bytes
}

// noLeaks fails the test if a goroutine, a file or a mapping is left at its end.
func noLeaks(t testing.TB) {
	t.Helper()
	proctest.NoLeaks(t)
	goroutines, maps := runtime.NumGoroutine(), mappings(t)
	t.Cleanup(func() {
		for start := time.Now(); !t.Failed(); runtime.Gosched() {
			g, m := runtime.NumGoroutine(), mappings(t)
			if g <= goroutines && m <= maps {
				return
			}
			if time.Since(start) > proctest.Timeout()/10 {
				stacks := make([]byte, 1<<20)
				t.Errorf("%d goroutines, then %d; %d mappings, then %d\n%s", goroutines, g, maps, m, stacks[:runtime.Stack(stacks, true)])
			}
		}
	})
}

// together runs functions at the same time.
func together(fs ...func()) {
	done := make(chan struct{})
	for _, f := range fs {
		go func() { f(); done <- struct{}{} }()
	}
	for range fs {
		<-done
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
