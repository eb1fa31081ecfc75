// Package interop has tests and nothing else: the interop tests of grpc-go, whose client and
// server are in two processes that package shmnet connects.
package interop
