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

// The guardian is a test process, for a child that it starts itself.
var _ = proctest.Register("guardian", func(c *proctest.Child) {
	p := proctest.Start(new(recorder), "hang")
	p.Expect("hanging")
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
			if state == "stopped" != (processState(pid) == "T") {
				t.Fatalf("the helper is in state %q", processState(pid))
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
