//go:build !unix && !windows

package segment

import (
	"errors"
	"io/fs"
	"os"
)

func openFile(path string) (*os.File, error) { return os.OpenFile(path, os.O_RDWR, 0) }

func openToRead(path string) (*os.File, error) { return os.Open(path) }

func createDraft(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func unlink(path string) error { return os.Remove(path) }

func rename(string, string) error { return errors.ErrUnsupported }

func owner(fs.FileInfo) (uid int, ok bool) { return 0, false }
