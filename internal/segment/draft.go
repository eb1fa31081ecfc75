package segment

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/isthmus-go/isthmus/internal/liveness"
)

// draftPattern names drafts where a file must have a name.
const draftPattern = ".isthmus-draft-*"

// draft is a segment file on its way to its name.
type draft struct {
	file *liveness.File
	temp string // its temporary name, if it has one
}

// newNamedDraft makes a draft with a temporary name and holds the lock on its
// draft byte. It removes the drafts of makers that died.
func newNamedDraft(dir string) (*draft, error) {
	sweepDrafts(dir)
	for {
		f, err := createDraft(dir)
		if err != nil {
			return nil, err
		}
		d := &draft{temp: f.Name()}
		if d.file, err = liveness.Take(f); err != nil {
			return nil, errors.Join(err, d.discard())
		}
		ok, err := d.file.TryDraft()
		if err != nil {
			return nil, errors.Join(err, d.file.Close(), d.discard())
		}
		// A sweep may have come between the file and its lock.
		if ok && d.linked() {
			return d, nil
		}
		d.file.Close()
		d.discard()
	}
}

func (d *draft) linked() bool {
	there, err := os.Lstat(d.temp)
	if err != nil {
		return false
	}
	here, err := d.file.Stat()
	return err == nil && os.SameFile(there, here)
}

// publish gives the draft its name, unless a file has it, which is fs.ErrExist.
func (d *draft) publish(path string) error {
	if d.temp == "" {
		return linkUnnamed(d.file.File, path)
	}
	return rename(d.temp, path)
}

// discard removes the draft's temporary name. Its file is closed elsewhere.
func (d *draft) discard() error {
	if d.temp == "" {
		return nil
	}
	return os.Remove(d.temp)
}

// sweepDrafts removes drafts whose lock nobody holds: their makers are dead. It
// holds the lock itself meanwhile, so that no maker takes up what it removes.
func sweepDrafts(dir string) {
	temps, err := filepath.Glob(filepath.Join(dir, draftPattern))
	if err != nil {
		return
	}
	for _, temp := range temps {
		f, err := openFile(temp)
		if err != nil {
			continue
		}
		file, err := liveness.Take(f)
		if err != nil {
			continue
		}
		if ok, err := file.TryDraft(); ok && err == nil {
			os.Remove(temp)
		}
		file.Close()
	}
}
