//go:build !linux

package proctest

func isTmpfs(string) bool { return false }

func claim(string) bool { return true }

func removeStale(string) {}
