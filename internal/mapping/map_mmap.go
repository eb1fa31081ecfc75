//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris

package mapping

import (
	"os"

	"github.com/edsrzf/mmap-go"
)

func mapFile(f *os.File, size int) ([]byte, error) {
	return mmap.MapRegion(f, size, mmap.RDWR, 0, 0)
}

func viewFile(f *os.File, size int) ([]byte, error) {
	return mmap.MapRegion(f, size, mmap.RDONLY, 0, 0)
}

func unmap(mem []byte) error {
	m := mmap.MMap(mem)
	return m.Unmap()
}
