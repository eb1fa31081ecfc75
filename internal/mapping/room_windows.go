package mapping

import "golang.org/x/sys/windows"

// errNoRoom is how mapFile fails when there are no addresses left.
var errNoRoom error = windows.ERROR_NOT_ENOUGH_MEMORY
