//go:build unix

package segment

import (
	"io/fs"
	"os"
	"syscall"
)

// openFile never follows a link in the last element, nor waits for a FIFO.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

// openToRead is openFile for those who change nothing.
func openToRead(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

// unlink removes a name that is not a directory's, which os.Remove would.
func unlink(path string) error {
	if err := syscall.Unlink(path); err != nil {
		return &os.PathError{Op: "remove", Path: path, Err: err}
	}
	return nil
}

func createDraft(dir string) (*os.File, error) {
	return os.CreateTemp(dir, draftPattern)
}

// rename never replaces a file. If from stays, a later sweep removes it.
func rename(from, to string) error {
	if err := os.Link(from, to); err != nil {
		return err
	}
	atStep(stepLinked)
	os.Remove(from)
	return nil
}

func owner(info fs.FileInfo) (uid int, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}
