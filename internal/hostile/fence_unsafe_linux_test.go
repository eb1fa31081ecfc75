package hostile

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// A fence is a hole in the address space, with pages that cannot be touched
// before and behind it. The kernel puts the next mapping of its size there: other
// gaps that it would prefer are plugged.
type fence struct {
	region unsafe.Pointer
	size   uintptr
	plugs  []unsafe.Pointer
}

// postSize is the size of the pages on either side. It is smaller than a segment:
// what a fence leaves behind is no gap for the next mapping.
const postSize = 16 << 10

func newFence(size int) (*fence, error) {
	const page = 4096
	f := &fence{size: (uintptr(size) + page - 1) &^ (page - 1)}
	var err error
	f.region, err = f.reserve(nil, f.size+2*postSize, 0)
	if err != nil {
		return nil, err
	}
	unix.MunmapPtr(f.hole(), f.size)
	for range 1000 { // but if another thread has got the hole, never
		p, err := f.reserve(nil, f.size, 0)
		if err != nil {
			return nil, err
		}
		if p == f.hole() {
			return f, unix.MunmapPtr(p, f.size)
		}
		f.plugs = append(f.plugs, p)
	}
	return f, nil
}

// unplug gives the other gaps back.
func (f *fence) unplug() {
	for _, p := range f.plugs {
		unix.MunmapPtr(p, f.size)
	}
	f.plugs = nil
}

func (f *fence) hole() unsafe.Pointer { return unsafe.Add(f.region, postSize) }

func (f *fence) reserve(at unsafe.Pointer, size uintptr, flags int) (unsafe.Pointer, error) {
	return unix.MmapPtr(-1, 0, at, size, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE|flags)
}

// full reports whether there is a mapping in the hole.
func (f *fence) full() bool {
	p, err := f.reserve(f.hole(), f.size, unix.MAP_FIXED_NOREPLACE)
	if err != nil {
		return true
	}
	unix.MunmapPtr(p, f.size)
	return false
}

// remove leaves what is in the hole.
func (f *fence) remove() {
	unix.MunmapPtr(f.region, postSize)
	unix.MunmapPtr(unsafe.Add(f.hole(), f.size), postSize)
}
