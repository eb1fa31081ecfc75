package process

// Kept returns what ExitError.Stderr would be.
func Kept(p *Process) string { return p.stderr.String() }
