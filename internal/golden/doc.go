// Package golden has tests and nothing else: small segments with an object of each kind, as
// the present version of the layout has them, in files that this package keeps. If a change
// of the code changes what is in them, or what they mean, without another version, a test
// fails.
package golden
