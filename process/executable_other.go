//go:build !linux

package process

import "os"

// executable returns the path that this program was started by.
func executable() (string, error) { return os.Executable() }

func rename() {}
