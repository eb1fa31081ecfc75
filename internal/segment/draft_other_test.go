//go:build !linux

package segment

import "testing"

const hasUnnamedDrafts = false

func useNamedDrafts() {}

func withNamedDrafts(*testing.T) {}
