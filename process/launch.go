package process

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/shm"
)

// The launch pipe goes from parent to child. It carries a launch, then at most one byte,
// terminate. Its end means that the parent is gone.
//
// The report pipe goes from child to parent. It carries the byte called before the function is
// called, and then what that returned if that is an error: a byte of causes, and the text.

// launch says what a process was made for.
type launch struct {
	Function string
	Daemon   bool
	Group    bool
	Segments []segmentRef
	Arg      []byte
}

// A segmentRef says where the child finds a segment.
type segmentRef struct {
	File      int    // which of the inherited files, if Name is empty
	Name, Dir string // of a segment that has a name
}

// terminate asks the child to cancel the context of the function.
const terminate = 't'

// append appends the launch to b. Gob would take a tenth of a millisecond to learn the type.
func (l *launch) append(b []byte) []byte {
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	var flags byte
	if l.Daemon {
		flags |= 1
	}
	if l.Group {
		flags |= 2
	}
	b = append(b, flags)
	text(l.Function)
	b = binary.AppendUvarint(b, uint64(len(l.Segments)))
	for _, s := range l.Segments {
		b = binary.AppendUvarint(b, uint64(s.File))
		text(s.Name)
		text(s.Dir)
	}
	text(string(l.Arg))
	return b
}

// readLaunch reads what append has appended.
func readLaunch(r *bufio.Reader) (l launch, err error) {
	number := func() (n uint64) {
		if err == nil {
			n, err = binary.ReadUvarint(r)
		}
		return n
	}
	text := func() string {
		b := make([]byte, number())
		if err == nil {
			_, err = io.ReadFull(r, b)
		}
		return string(b)
	}
	flags := number()
	l.Daemon, l.Group = flags&1 != 0, flags&2 != 0
	l.Function = text()
	for n := number(); n > 0 && err == nil; n-- {
		l.Segments = append(l.Segments, segmentRef{int(number()), text(), text()})
	}
	l.Arg = []byte(text())
	return l, err
}

// refer says where a child finds the segments, and returns the files that it must
// inherit for that.
func refer(segments []*shm.Segment) (refs []segmentRef, files []*os.File, err error) {
	for i, s := range segments {
		if s == nil {
			return nil, nil, fmt.Errorf("segment %d is nil: %w", i, fs.ErrInvalid)
		}
		if path := segment.Of(s).Path(); path != "" {
			dir, err := filepath.Abs(filepath.Dir(path))
			if err != nil {
				return nil, nil, err
			}
			refs = append(refs, segmentRef{Name: s.Name(), Dir: dir})
			continue
		}
		f := fileOf(s)
		if f == nil {
			return nil, nil, fmt.Errorf("segment %d has neither a name nor a file to inherit: %w", i, fs.ErrInvalid)
		}
		if _, err := f.Stat(); err != nil {
			return nil, nil, fmt.Errorf("segment %d: %w", i, err)
		}
		refs = append(refs, segmentRef{File: len(files)})
		files = append(files, f)
	}
	return refs, files, nil
}

// called reports that the function is called: nothing before Main has ended the process.
const called = 'c'

// Causes of an error that f returned.
const (
	canceled = 1 << iota
	deadlineExceeded
)

func writeReport(w io.Writer, err error) {
	var causes byte
	if errors.Is(err, context.Canceled) {
		causes |= canceled
	}
	if errors.Is(err, context.DeadlineExceeded) {
		causes |= deadlineExceeded
	}
	w.Write(append([]byte{causes}, err.Error()...)) // nobody is told if the parent is gone
}

// A report is what a process has reported.
type report struct {
	called bool
	text   string // empty if the function has returned no error, or if there was none before it
	causes byte
}

func readReport(r *os.File) (got report) {
	b, err := io.ReadAll(r)
	if err != nil { // the end was not waited for
		b = append(b, available(r)...)
	}
	if b, got.called = bytes.CutPrefix(b, []byte{called}); len(b) > 0 {
		got.text, got.causes = string(b[1:]), b[0]
	}
	return got
}
