package proctest_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

// The guardian is a test process, for a child that it starts itself: one that is deaf, and
// ends with its test only.
var _ = proctest.Register("guardian", func(c *proctest.Child) {
	if c.Arg(0) == "deaf" {
		c.Send("deaf")
		time.Sleep(time.Hour) // not select{}, in which Go may see a deadlock
	}
	r := new(recorder)
	defer func() {
		if r.failed {
			c.Fatalf("%s", r.out.String())
		}
	}()
	p := proctest.Start(r, "guardian", "deaf")
	p.Expect("deaf")
	p.Send("a line that it does not receive")
	if c.Arg(0) == "stopped" {
		p.Stop()
	}
	c.Send(p.Pid())
	c.Recv()
})

// TestOrphan shows that helpers end when the test process is killed.
func TestOrphan(t *testing.T) {
	for _, state := range []string{"running", "stopped"} {
		t.Run(state, func(t *testing.T) {
			guardian := proctest.Start(t, "guardian", state)
			pid, err := strconv.Atoi(guardian.Recv())
			if err != nil {
				t.Fatal(err)
			}
			if s := processState(pid); s == "" || s == "Z" || state == "stopped" != (s == "T") {
				t.Fatalf("the helper is in state %q", s)
			}
			guardian.Kill()
			for start := time.Now(); ; time.Sleep(time.Millisecond) {
				// Who inherits orphans may be slow to reap them.
				if s := processState(pid); s == "" || s == "Z" {
					break
				}
				if time.Since(start) > proctest.Timeout() {
					t.Fatalf("helper %d has outlived its test", pid)
				}
			}
		})
	}
}

// processState returns the letter that proc has for a process, "" if there is
// none.
func processState(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	return string(stat[bytes.LastIndexByte(stat, ')')+2:][:1])
}
