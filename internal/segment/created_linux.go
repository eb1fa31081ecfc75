package segment

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// created returns when a file was made, the zero time if the kernel or the file system does
// not tell.
func created(f *os.File) (t time.Time) {
	control(f, func(fd int) {
		var st unix.Statx_t
		if unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BTIME, &st) == nil && st.Mask&unix.STATX_BTIME != 0 {
			t = time.Unix(st.Btime.Sec, int64(st.Btime.Nsec))
		}
	})
	return t
}
