//go:build !unix && !windows

package mapping

import "errors"

// errNoRoom is how mapFile fails when there are no addresses left.
var errNoRoom = errors.New("no addresses left")
