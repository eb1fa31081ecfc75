package mapping

import "os"

// View maps the first size bytes of f to be read only, for which f need not be open for
// writing. The memory is good until Unview.
//
// To touch a page past the end of the file is a fault, and the file may become shorter
// meanwhile.
func View(f *os.File, size int) ([]byte, error) {
	mem, err := viewFile(f, size)
	return mem, os.NewSyscallError("mmap", err)
}

// Unview undoes View.
func Unview(mem []byte) error { return os.NewSyscallError("munmap", unmap(mem)) }
