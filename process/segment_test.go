package process_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/shm"
)

var adds *process.Function[int]

func init() {
	adds = process.Register("adds", func(ctx context.Context, depth int) error {
		var segments []*shm.Segment
		for i := range 2 {
			seg, err := process.Segment(i, nil)
			if err != nil {
				return err
			}
			defer seg.Close()
			segments = append(segments, seg)
			v, err := shm.NewValue[int](seg, "sum")
			if err != nil {
				return err
			}
			shm.Add(v, i+1)
		}
		if _, err := process.Segment(2, nil); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("segment 2 is there, or %w", err)
		}
		if depth == 0 {
			return nil
		}
		segments[0], segments[1] = segments[1], segments[0]
		p, err := process.Start(ctx, adds, depth-1, &process.Options{Segments: segments})
		if err != nil {
			return err
		}
		return p.Wait()
	})
}

// TestSegments passes segments on to a process, and by that to another one: two that have
// names, one of them not in the usual directory, and two that have none.
func TestSegments(t *testing.T) {
	other := proctest.Dir(t)
	proctest.Dir(t)
	named := func(name, dir string) *shm.Segment {
		opts := &shm.Options{Dir: dir}
		s := proctest.Must(shm.Create(name, 1<<16, opts))(t)
		t.Cleanup(func() { proctest.Check(t, shm.Remove(name, opts)) })
		return s
	}
	pairs := [][]*shm.Segment{{named("first", ""), named("second", other)}}
	if runtime.GOOS == "linux" {
		pairs = append(pairs, []*shm.Segment{
			proctest.Must(shm.Anonymous(1<<16, nil))(t), proctest.Must(shm.Anonymous(1<<16, nil))(t)})
	}
	for _, pair := range pairs {
		opts := &process.Options{Segments: pair}
		if err := wait(t, start(t, adds, 2, opts)); err != nil {
			t.Error(err)
		}
		for i, want := range []int{4, 5} { // the process in the middle has them the other way round
			if got := proctest.Must(shm.NewValue[int](pair[i], "sum"))(t).Load(); got != want {
				t.Errorf("%v: sum is %d, expected %d", pair[i], got, want)
			}
			proctest.Check(t, pair[i].Close())
		}
	}
}

func TestWrongSegment(t *testing.T) {
	opts := notStarted(t)
	opts.Segments = []*shm.Segment{nil}
	if _, err := process.Start(t.Context(), exits, 0, opts); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a segment is nil, and the error is %v", err)
	}
	seg, err := shm.Anonymous(1<<16, nil)
	if errors.Is(err, errors.ErrUnsupported) {
		return
	}
	proctest.Check(t, err)
	proctest.Check(t, seg.Close())
	opts.Segments[0] = seg
	if _, err := process.Start(t.Context(), exits, 0, opts); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a segment is closed, and the error is %v", err)
	}
}
