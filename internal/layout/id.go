package layout

// ID names one attachment of one process to a segment, and is not used again. The
// zero ID names nobody. See package liveness.
type ID uint64

// IDBits is how many low bits of an ID can be set.
const IDBits = 38
