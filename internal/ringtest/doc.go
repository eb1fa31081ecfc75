// Package ringtest lets one test run over the rings of all kinds.
//
// To a test, the messages of a ring are numbers. What number n looks like in the ring
// follows from n, by a [Type] or a [Text], and is checked whenever a message is read: a
// torn message is an error. A [Kind] makes rings of one kind, with one type of message.
package ringtest
