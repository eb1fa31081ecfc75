package segment

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// Of returns what is behind a *shm.Segment. Package shm sets it, so that the module's
// other packages get there and its users do not.
var Of func(segment any) *Segment

// Ref is an object's kind, name and segment: what its errors say, and what it is
// printed as.
type Ref struct {
	segment *Segment
	kind    layout.Kind
	name    string
}

// Ref returns that of an object, which need not exist.
func (s *Segment) Ref(kind layout.Kind, name string) Ref { return Ref{s, kind, name} }

// String returns the object's kind, its name and that of the segment.
func (r *Ref) String() string {
	return fmt.Sprintf("%v %q in %v", r.kind, r.name, r.segment)
}

// Name returns the object's name.
func (r *Ref) Name() string { return r.name }

// In reports whether the object is reached by this attachment.
func (r *Ref) In(s *Segment) bool { return r.segment == s }

// Fault says which object err is about, and wraps it.
func (r *Ref) Fault(err error) error { return fmt.Errorf("isthmus: %v: %w", r, err) }

// Closed reports whether the segment is closed.
func (r *Ref) Closed() bool { return r.segment.closed.Load() }

// Check returns ErrClosed if the segment is closed.
func (r *Ref) Check() error {
	if !r.Closed() {
		return nil
	}
	return r.Fault(ErrClosed)
}

// PanicClosed panics as operations of a closed segment do. It is apart from the look,
// so that the look is inlined.
func (r *Ref) PanicClosed() { panic(r.Fault(ErrClosed)) }

// Misuse panics as sync does where a program is wrong.
func (r *Ref) Misuse(format string, args ...any) {
	panic(fmt.Sprintf("isthmus: %v: ", r) + fmt.Sprintf(format, args...))
}

// CheckContext returns an error if a blocking operation cannot begin, as its
// context has ended or is nil.
func (r *Ref) CheckContext(ctx context.Context) error {
	if ctx == nil {
		return r.Fault(fmt.Errorf("nil context: %w", fs.ErrInvalid))
	}
	if err := ctx.Err(); err != nil {
		return r.Fault(err)
	}
	return nil
}
