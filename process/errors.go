package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// ErrNoMain reports that Start was called before Main: each process would start another one. Or
// it reports that a process has ended by itself before it called Main, with status 0.
var ErrNoMain = errors.New("process.Main was not called before: call it first in main and in TestMain")

// ExitError reports that a process has ended in another way than by status 0.
type ExitError struct {
	// Name and PID are those of the process.
	Name string
	PID  int

	// State says how it has ended.
	State *os.ProcessState

	// Stderr is the end of what the process has written to its standard error, at
	// most 4096 bytes. It has the trace of a panic, or the end of it.
	Stderr string

	// Err is the text of the error that the function has returned. It is empty if
	// the function has not returned.
	Err string

	causes byte
}

// Error names the process, how it has ended, and the error of the function.
func (e *ExitError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "isthmus: process %q, pid %d: %v", e.Name, e.PID, e.State)
	if e.Err != "" {
		b.WriteString(": " + e.Err)
	}
	return b.String()
}

// Is reports whether target is context.Canceled or context.DeadlineExceeded, and
// the function has returned an error that wraps it.
func (e *ExitError) Is(target error) bool {
	switch target {
	case context.Canceled:
		return e.causes&canceled != 0
	case context.DeadlineExceeded:
		return e.causes&deadlineExceeded != 0
	}
	return false
}
