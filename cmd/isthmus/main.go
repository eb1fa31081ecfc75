// Isthmus looks at segments from outside: what is in them, who holds what, what passes through
// their rings. Its help says how to use it, and which exit codes it has.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }
