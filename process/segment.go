package process

import (
	"fmt"
	"os"

	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/shm"
)

// Segment opens, in a process that [Start] has made, the i-th of Options.Segments. A
// segment that has a name is opened by it, in the directory that it has in the parent. An
// anonymous one was inherited. Each call returns another attachment, that the caller
// closes.
func Segment(i int, opts *shm.Options) (*shm.Segment, error) {
	if self == nil {
		return nil, fmt.Errorf("isthmus: process: segment %d: this process was not made by Start: %w", i, os.ErrNotExist)
	}
	refs := self.launch.Segments
	if i < 0 || i >= len(refs) {
		return nil, fmt.Errorf("isthmus: process: segment %d: there are %d: %w", i, len(refs), os.ErrNotExist)
	}
	r := refs[i]
	if r.Name == "" {
		return shm.FromFile(self.files[r.File], opts)
	}
	var o shm.Options
	if opts != nil {
		o = *opts
	}
	o.Dir = r.Dir
	return shm.Open(r.Name, &o)
}

// fileOf returns the file by which a child can inherit a segment without a name, or nil.
func fileOf(s *shm.Segment) *os.File {
	if f := s.File(); f != nil || self == nil {
		return f
	}
	for _, f := range self.files { // it may be inherited itself
		if info, err := f.Stat(); err == nil && os.SameFile(info, segment.Of(s).Info()) {
			return f
		}
	}
	return nil
}
