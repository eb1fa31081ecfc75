package proctest

import (
	"bytes"
	"fmt"
	"os"
)

// stopped reports whether every thread of the process is stopped.
func stopped(pid int) bool {
	tasks := fmt.Sprintf("/proc/%d/task", pid)
	list, err := os.ReadDir(tasks)
	if err != nil || len(list) == 0 {
		return false
	}
	for _, task := range list {
		stat, err := os.ReadFile(tasks + "/" + task.Name() + "/stat")
		if err != nil || threadState(stat) != 'T' {
			return false
		}
	}
	return true
}

// threadState returns the state in a stat file of proc: "pid (name) state …",
// where the name may itself hold parentheses.
func threadState(stat []byte) byte {
	_, after, ok := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	if !ok || len(after) == 0 {
		return 0
	}
	return after[0]
}
