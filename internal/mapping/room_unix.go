//go:build unix

package mapping

import "syscall"

// errNoRoom is how mapFile fails when there are no addresses left.
var errNoRoom error = syscall.ENOMEM
