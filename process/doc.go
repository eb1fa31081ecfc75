// Package process runs registered functions of a program in processes of their own.
//
//	var crunch = process.Register("crunch", func(ctx context.Context, path string) error { ... })
//
//	func main() {
//		process.Main()
//		p, err := process.Start(ctx, crunch, "data", &process.Options{Daemon: true})
//		...
//		err = p.Wait()
//	}
//
// The program is executed again. In the new process, [Main] finds out what it was made for,
// runs the function and ends the process. So every program that calls [Start] must call Main
// first in main, and its tests first in TestMain.
//
// # When not to use it
//
// Goroutines are cheaper for parallelism: a process takes a millisecond to start, and has a
// heap of its own. Processes are for isolation: a C library that crashes, a leak that must
// end, another user, a limit of the kernel's.
//
// # What it guarantees
//
// The end of a process is an event and never a hang: [Process.Wait] returns, and the error says
// how the process has ended, what the function returned and what was printed last. What others
// inherited from the process, such as its standard error, does not hold Wait up for more than a
// moment. A process that has ended is reaped, and its descriptors are closed, even if nobody
// calls Wait.
//
// With Options.Daemon, a process ends when its parent has ended in any way, and be it by a
// SIGKILL. Without it, the process goes on. A process whose parent dies before all of the
// argument is there ends, and runs nothing of the function.
//
// A parent that becomes another program by execve(2) has ended in this sense. A process that is
// stopped ends when it is continued. Functions, and the C code that they call, must leave alone
// the descriptors that they have not opened: a Daemon that has closed those of Start does not
// learn that its parent has ended.
//
// [Process.Kill] and [Process.Alive] never touch another process that has got the same number.
// (That holds for the group of a process, see Options.Group, on Linux and Windows. On other
// systems, it is killed right after the process was reaped.) That needs a parent that does not
// ignore SIGCHLD, and in which nobody else reaps: otherwise the error of Wait is no [*ExitError],
// and a group may be killed that has got the number of one that has ended.
//
// # Memory model
//
// The call of Start synchronizes before the call of the function. The end of the process
// synchronizes before the return of Wait. Both carry no memory: share a segment, see
// Options.Segments.
//
// # Platforms
//
// Processes can be started on Unix and Windows. Elsewhere Start returns an error
// that wraps [errors.ErrUnsupported], and Main returns at once.
package process
