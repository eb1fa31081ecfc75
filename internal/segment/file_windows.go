package segment

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// openFile opens a link itself, which is then refused as no regular file, and
// lets others rename and remove the file meanwhile.
func openFile(path string) (*os.File, error) {
	return createFile(path, windows.GENERIC_READ|windows.GENERIC_WRITE, windows.OPEN_EXISTING)
}

// openToRead is openFile for those who change nothing.
func openToRead(path string) (*os.File, error) {
	return createFile(path, windows.GENERIC_READ, windows.OPEN_EXISTING)
}

func createDraft(dir string) (*os.File, error) {
	return createFile(draftName(dir), windows.GENERIC_READ|windows.GENERIC_WRITE, windows.CREATE_NEW)
}

func draftName(dir string) string {
	return filepath.Join(dir, strings.Replace(draftPattern, "*", rand.Text(), 1))
}

func createFile(path string, access, disposition uint32) (*os.File, error) {
	p, err := windows.UTF16PtrFromString(path)
	if err == nil {
		var h windows.Handle
		h, err = windows.CreateFile(p,
			access,
			windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
			nil, disposition,
			windows.FILE_ATTRIBUTE_NORMAL|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
		if err == nil {
			return os.NewFile(uintptr(h), path), nil
		}
	}
	return nil, &os.PathError{Op: "open", Path: path, Err: err}
}

// unlink takes the name away at once. The system refuses to remove a file that is
// mapped anywhere, so it becomes a draft that nobody is at work on, for a later
// sweep to remove.
func unlink(path string) error {
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return &os.PathError{Op: "remove", Path: path, Err: windows.ERROR_ACCESS_DENIED}
	}
	draft := draftName(filepath.Dir(path))
	if err := rename(path, draft); err != nil {
		return &os.PathError{Op: "remove", Path: path, Err: errors.Unwrap(err)}
	}
	os.Remove(draft)
	return nil
}

// rename never replaces a file.
func rename(from, to string) error {
	f, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	t, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	if err := windows.MoveFileEx(f, t, 0); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// owner is unknown: who may open the file is up to the directory's ACL.
func owner(fs.FileInfo) (uid int, ok bool) { return 0, false }
