// Package storm has no code but its tests: processes in random number do random
// operations on the objects of one segment, and are killed, stopped and started again
// at random; their attachments are closed under them, or left to the collector. A
// ledger in a file of its own, which is no segment and which the product does not
// touch, says what each of them was about to do and what it has done; at the end the
// segment is compared with it.
//
// Some objects have small storms of their own: see squall.
//
//	go test ./internal/storm -storm.time=1h -timeout=0 -v
package storm
