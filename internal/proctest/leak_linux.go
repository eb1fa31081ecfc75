package proctest

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// processes names the children of this process, zombies too, and every process
// that descends from it, found by its environment.
func processes() []string {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	self := os.Getpid()
	run := []byte(envRun + "=" + strconv.Itoa(self) + "\x00")
	var faults []string
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == self {
			continue
		}
		dir := "/proc/" + e.Name()
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue // it has ended meanwhile
		}
		env, _ := os.ReadFile(dir + "/environ") // other users' are unreadable, and not ours
		if parent(stat) == self || bytes.Contains(append([]byte{0}, env...), append([]byte{0}, run...)) {
			faults = append(faults, fmt.Sprintf("process %d was left running", pid))
		}
	}
	return faults
}

// parent returns the parent's pid in a stat file of proc.
func parent(stat []byte) int {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	pid, _ := strconv.Atoi(string(fields[1]))
	return pid
}
