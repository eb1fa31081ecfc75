// Package park is what bench needs that a user of Isthmus cannot have. It is apart from
// the measured code, which imports nothing internal: the compiler inlines there what it
// inlines in a user's module, and nothing else.
package park

import "github.com/isthmus-go/isthmus/internal/wait"

// Set says whether every wait of this process sleeps at once, without spinning first.
func Set(on bool) { wait.SetSpin(!on) }
