package process

import (
	"io"
	"os"
	"sync"
)

// tailSize is how much of the standard error of a process is kept.
const tailSize = 4096

// tail passes on what is written to it, and keeps the end.
type tail struct {
	next io.Writer // or nil

	mu   sync.Mutex
	kept []byte
}

// Write never fails: that next does must not keep the process from writing.
func (t *tail) Write(p []byte) (int, error) {
	if f, ok := t.next.(*os.File); ok {
		write(f, p)
	} else if t.next != nil {
		t.next.Write(p)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	end := p[max(0, len(p)-tailSize):]
	t.kept = append(t.kept[max(0, min(len(t.kept), len(t.kept)+len(end)-tailSize)):], end...)
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
