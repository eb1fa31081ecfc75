//go:build !unix

package segment

import "errors"

func makeFIFO(string) error { return errors.ErrUnsupported }
