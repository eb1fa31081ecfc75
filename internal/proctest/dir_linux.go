package proctest

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

func isTmpfs(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Type == unix.TMPFS_MAGIC
}

// claim locks a run's directory for the life of this process. A run that panics or
// is killed cannot remove its directory, and on /dev/shm that costs memory.
func claim(dir string) bool {
	fd, err := lock(dir)
	if err == unix.EWOULDBLOCK || err == unix.ENOENT {
		return false
	}
	if err != nil {
		return true // there are no locks here, and then nobody removes it either
	}
	var locked, named unix.Stat_t
	if unix.Fstat(fd, &locked) != nil || unix.Stat(dir, &named) != nil || locked.Ino != named.Ino {
		unix.Close(fd)
		return false
	}
	return true // fd stays open until the process ends
}

// removeStale removes the directories of runs that are no longer alive.
func removeStale(parent string) {
	dirs, _ := filepath.Glob(filepath.Join(parent, dirPattern))
	for _, dir := range dirs {
		if fd, err := lock(dir); err == nil {
			os.RemoveAll(dir)
			unix.Close(fd)
		}
	}
}

func lock(dir string) (fd int, err error) {
	fd, err = unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
