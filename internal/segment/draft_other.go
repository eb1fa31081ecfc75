//go:build !linux

package segment

import (
	"errors"
	"os"
)

func newDraft(dir string) (*draft, error) { return newNamedDraft(dir) }

func linkUnnamed(*os.File, string) error { return errors.ErrUnsupported }
