//go:build !linux

package segment

import "testing"

func useNamedDrafts() {}

func withNamedDrafts(*testing.T) {}
