package proctest

// Unused returns what Main says of helpers that no test has started.
func Unused() []string { return unused() }
