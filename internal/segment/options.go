package segment

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Options say how a segment is made or opened. Package shm documents them for
// users; the fields of the two types are the same.
type Options struct {
	Mode        fs.FileMode
	Dir         string
	TrustedUIDs []int
	MaxProcs    int
	MaxObjects  int
	Populate    bool
	HugePages   bool
	MustExist   bool
	Version     uint64
}

const (
	defaultMode       = 0o600
	defaultMaxProcs   = 128
	defaultMaxObjects = 128

	dirVariable = "ISTHMUS_DIR"
)

// withDefaults returns a valid copy of o, which may be nil.
func (o *Options) withDefaults() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Mode == 0 {
		c.Mode = defaultMode
	}
	if c.Mode&^0o666 != 0 || c.Mode&0o600 != 0o600 {
		return c, fmt.Errorf("mode is %v, must be permissions to read and write, and be 0600 for the owner: %w", c.Mode, fs.ErrInvalid)
	}
	if c.MaxProcs == 0 {
		c.MaxProcs = defaultMaxProcs
	}
	if c.MaxObjects == 0 {
		c.MaxObjects = defaultMaxObjects
	}
	if c.Dir == "" {
		c.Dir = defaultDir()
	}
	return c, nil
}

func defaultDir() string {
	if dir := os.Getenv(dirVariable); dir != "" {
		return dir
	}
	if dir, ok := memoryDir(); ok {
		return dir
	}
	return os.TempDir()
}

// path returns the file of the segment called name, which has been checked.
func (o *Options) path(name string) string {
	return filepath.Join(o.Dir, filePrefix+name)
}

// Dir returns the directory that o means.
func Dir(o *Options) string {
	if o == nil || o.Dir == "" {
		return defaultDir()
	}
	return o.Dir
}
