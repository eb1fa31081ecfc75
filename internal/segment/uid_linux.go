package segment

import (
	"fmt"
	"os"
	"sync"
)

// overflowUID returns the uid that stands for every user whom the user namespace of
// this process does not map. Two who share it need not be the same.
var overflowUID = sync.OnceValues(func() (uid int, ok bool) {
	const usual = 65534
	b, err := os.ReadFile("/proc/sys/kernel/overflowuid")
	if err != nil {
		return usual, true
	}
	if _, err := fmt.Sscan(string(b), &uid); err != nil {
		return usual, true
	}
	return uid, true
})
