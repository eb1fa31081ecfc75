// Package outside has no code but its tests: they build a module that imports this one
// as anybody's would, and look at what the compiler made of it.
//
// A generic function is compiled in the module that instantiates it. The compiler
// inlines what it calls there only if it has the body, and it has the body of an
// internal package's function only if the package in between uses it in code that is
// compiled there (see ring/inline.go). So what is measured inside of this module may
// not be what a user gets.
package outside
