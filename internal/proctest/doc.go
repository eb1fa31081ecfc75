// Package proctest runs parts of a test in processes of their own.
//
// A helper is a function registered under a name. [Start] runs it by executing
// the test binary again, with the name in an environment variable; [Main],
// called from TestMain, sees the variable and runs the helper instead of the
// tests:
//
//	func TestMain(m *testing.M) { proctest.Main(m) }
//
//	var _ = proctest.Register("adder", func(c *proctest.Child) {
//		c.Expect("go")
//		c.Send("sum", 40+2)
//	})
//
//	func TestAdder(t *testing.T) {
//		p := proctest.Start(t, "adder")
//		p.Send("go")
//		p.Expect("sum 42")
//		p.Wait()
//	}
//
// The two sides exchange lines over pipes, which is how a test puts steps of
// several processes in order: never by sleeping. Each wait has a watchdog of
// [Timeout], after which the test fails with the helper's standard error and
// the stacks of its goroutines. A helper that ends when it should not fails the
// test in the same way.
//
// Every helper ends with its test, and a helper whose test process dies ends
// too. Main fails a run that leaves processes, file descriptors or segment
// files behind, or that never used one of the registered helpers.
//
// [Strace] shows the system calls of a helper. Package shared makes the segment
// that most tests share with their helpers.
//
// Nobody but the dead may cost a sleeper its wake-up: see [Mortal].
package proctest
