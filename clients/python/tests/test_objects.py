"""What one process can see of the objects, also by its threads."""

import contextlib
import copy
import ctypes
import gc
import pickle
import queue
import signal
import sys
import threading
import time
import unittest

import numpy as np
from support import WATCHDOG, SegmentTest

import isthmus


class Types(unittest.TestCase):
    def test_texts(self):
        class Pair(ctypes.Structure):
            _fields_ = [("A", ctypes.c_uint8), ("B", ctypes.c_double * 2)]

        class Triple(Pair):
            _fields_ = [("C", ctypes.c_uint32)]

        class Empty(ctypes.Structure):
            pass

        class Bits(ctypes.Structure):
            _fields_ = [("A", ctypes.c_uint8, 4)]

        class Swapped(ctypes.BigEndianStructure if sys.byteorder == "little" else ctypes.LittleEndianStructure):
            _fields_ = [("A", ctypes.c_uint32)]

        for given, text in [
            ("i", "int32"),
            ("d", "float64"),
            ("L", "uint64"),
            (int, "int64"),
            (float, "float64"),
            (bool, "bool"),
            (ctypes.c_short, "int16"),
            (Pair, "{A 0 uint8,B 8 [2]float64}"),
            (Triple, "{A 0 uint8,B 8 [2]float64,C 24 uint32}"),
            (ctypes.c_int * 3, "[3]int32"),
            (np.float32, "float32"),
            (np.dtype((np.int8, (2, 3))), "[2][3]int8"),
            (np.dtype([("X", "i4"), ("Y", "c16")], align=True), "{X 0 int32,Y 8 complex128}"),
            ("{ID 0 uint64,Price 8 float64}", "{ID 0 uint64,Price 8 float64}"),
        ]:
            self.assertEqual(isthmus.type_of(given), text)
            self.assertEqual(isthmus.type_of(isthmus.dtype_of(text)), text)
        blank = isthmus.dtype_of("{A 0 uint8,_ 1 [3]uint8,B 8 int}")
        self.assertEqual((blank.itemsize, blank.names, blank["B"]), (16, ("A", "B"), np.int64))
        for bad in ["", "x", "int65", "[2]", "{A 0 int8", "O", object, ">i4", "{A 1 int64}", None, Empty, Bits, Swapped, Swapped * 2]:
            with self.assertRaises((ValueError, TypeError), msg=bad):
                isthmus.type_of(bad)
        with self.assertRaises(ValueError):  # Go would align it
            isthmus.type_of(np.dtype([("A", "u1"), ("B", "i8")]))


NUMBERS = {
    "bool": [True, False],
    "int8": [-128, 127],
    "uint8": [0, 255],
    "int16": [-(2**15), 2**15 - 1],
    "uint16": [0, 2**16 - 1],
    "int32": [-(2**31), 2**31 - 1],
    "uint32": [0, 2**32 - 1],
    "int64": [-(2**63), 2**63 - 1],
    "int": [-(2**63), 2**63 - 1],
    "uint64": [0, 2**64 - 1],
    "uint": [0, 2**64 - 1],
    "float32": [0.5, -1.25],
    "float64": [0.1, float("inf")],
    "complex64": [1 + 2j, 0.5j],
    "complex128": [0.1 + 2j, 0.5j],
}


class Values(SegmentTest):
    def test_numbers(self):
        for kind, values in NUMBERS.items():
            v, a = self.segment.value(kind, kind), self.segment.array("a" + kind, kind, 3)
            ring = self.segment.spsc("r" + kind, kind, 4)
            into, out = ring.producer(), ring.consumer()
            for x in values:
                v.store(x)
                a[1] = x
                into.push(x)
                self.assertEqual((v.load(), v.value, a[1], a[-2], np.asarray(a)[1], out.pop()), (x,) * 6)
                self.assertIs(type(v.load()), type(x))
            self.assertEqual(np.asarray(a).dtype, a.dtype)
        for kind in ["int8", "uint8", "int32", "uint32", "int64", "uint64"]:
            v = self.segment.value(kind, kind)
            for bad in [NUMBERS[kind][0] - 1, NUMBERS[kind][1] + 1]:
                with self.assertRaises(OverflowError):
                    v.value = bad
            with self.assertRaises(TypeError):
                v.value = 0.5

    def test_changes(self):
        for type_, x, y in [("int32", 7, 9), ("{A 0 int64,B 8 [4]float64}", (1, [1, 2, 3, 4]), (2, [5, 6, 7, 8]))]:
            v = self.segment.value(type_, type_, x)
            self.assertEqual(self.segment.value(type_, type_, y).value, x)
            self.assertFalse(v.compare_and_swap(y, x))
            self.assertTrue(v.compare_and_swap(x, y))
            self.assertEqual(v.update(lambda old: (self.assertEqual(old, y), x)[1]), x)
            with self.assertRaises(ZeroDivisionError):
                v.update(lambda old: 1 // 0)
            with self.assertRaises(TypeError):
                v.update(lambda old: None)
            self.assertEqual(v.value, x)
            self.assertEqual(v.wait(y, timeout=0), x)
            with self.assertRaises(TimeoutError):
                v.wait(x, timeout=0.001)
        for kind, delta in [("int8", -1), ("uint64", 2**63), ("float32", 0.5), ("float64", 0.1)]:
            v = self.segment.value("n" + kind, kind)
            self.assertEqual(v.add(delta), delta)
            self.assertEqual(v.value, delta)
        with self.assertRaises(TypeError):
            self.segment.value("b", "bool").add(1)

    def test_structs(self):
        dtype = np.dtype([("ID", "u8"), ("Tag", "u1"), ("Legs", [("P", "f8"), ("N", "i4")], (2,))], align=True)
        v = self.segment.value("v", dtype)
        record = np.zeros((), dtype)
        record["ID"], record["Legs"]["N"] = 5, [1, 2]
        v.store(record)
        self.assertEqual(v.load(), (5, 0, [(0.0, 1), (0.0, 2)]))
        back = np.zeros((), dtype)
        self.assertIs(v.load(out=back), back)
        self.assertEqual(back, record)
        v.store(record[()])  # numpy.void
        v.store((6, 1, [(1, 2), (3, 4)]))
        self.assertEqual(v.load(), (6, 1, [(1.0, 2), (3.0, 4)]))
        for bad in [(1,), (1, 2, [(1, 2)]), b"1", 3]:
            with self.assertRaises((ValueError, TypeError)):
                v.store(bad)
        a = self.segment.array("a", dtype, 4)
        view = np.asarray(a)
        self.assertEqual((view.dtype, view.shape), (dtype, (4,)))
        view["Legs"]["P"][2] = 1.5, 2.5
        self.assertEqual(a[2], (0, 0, [(1.5, 0), (2.5, 0)]))

    def test_array(self):
        a = self.segment.array("a", "int16", 5)
        a[:] = range(5)
        self.assertEqual((a[:], a[::-2], list(a), len(a)), ([0, 1, 2, 3, 4], [4, 2, 0], [0, 1, 2, 3, 4], 5))
        self.assertEqual(a.add(1, -3), -2)
        for bad in [5, -6]:
            with self.assertRaises(IndexError):
                a[bad]
            with self.assertRaises(IndexError):
                a[bad] = 1
            with self.assertRaises(IndexError):
                a.add(bad, 1)
        with self.assertRaises(ValueError):
            a[:2] = [1]
        m = memoryview(a)
        m[0] = 77
        self.assertEqual((a[0], m.format, m.shape, m.readonly), (77, "h", (5,), False))
        grid = self.segment.array("grid", "[3][2]float64", 4)
        view = np.asarray(grid)
        self.assertEqual(view.shape, (4, 3, 2))
        view[1, 2, 0] = 4
        self.assertEqual(grid[1].tolist(), [[0, 0], [0, 0], [4, 0]])
        grid[0] = view[1]
        self.assertEqual(view[0, 2, 0], 4)

    def test_mismatch(self):
        self.segment.value("v", "int32")
        for bad in [lambda: self.segment.value("v", "uint32"), lambda: self.segment.lock("v"), lambda: self.segment.array("v", "int32", 1)]:
            with self.assertRaisesRegex(isthmus.Mismatch, "'v' in segment"):
                bad()
        with self.assertRaises(isthmus.NoRoom):
            self.segment.array("big", "int64", 1 << 20)
        with self.assertRaises(ValueError):
            self.segment.spsc("q", "int64", 0)
        with self.assertRaises(isthmus.NotFound):
            isthmus.open(self.name + "x")
        with self.assertRaises(isthmus.Exists):
            isthmus.create(self.name, 4096)
        with self.assertRaises(isthmus.Mismatch):
            isthmus.open(self.name, version=2)
        with isthmus.open(self.name, must_exist=True) as s, self.assertRaises(FileNotFoundError):
            s.lock("new")
        for bad in [{"name": "x\0"}, {"name": 5}, {"name": self.name, "dir": "/tmp\0"}, {"name": self.name, "dir": 5}]:
            for use in [isthmus.open, isthmus.remove, lambda **of: isthmus.create(size=4096, **of)]:
                with self.assertRaisesRegex((ValueError, TypeError), f"the {list(bad)[-1]} (is no str|has a NUL)"):
                    use(**bad)


class Locks(SegmentTest):
    def test_lock(self):
        lock = self.segment.lock("l")
        with isthmus.open(self.name) as other:
            theirs = other.lock("l")
            with lock:
                self.assertFalse(theirs.acquire(False))
                self.assertFalse(theirs.acquire(timeout=0.01))
                with self.assertRaises(isthmus.NotHeld):
                    theirs.release()
            self.assertTrue(theirs.acquire())
            self.assertFalse(lock.acquire(block=False))
        with self.assertRaises(isthmus.OwnerDied), lock:  # it was closed with the lock
            self.fail("the body is run")
        with self.assertRaises(isthmus.NotHeld):  # with has not kept it
            lock.release()
        with self.assertRaises(isthmus.OwnerDied):
            lock.acquire(timeout=WATCHDOG)
        lock.mark_consistent()
        lock.release()
        with lock:
            pass

    def test_semaphore(self):
        semaphore = self.segment.semaphore("s", 3)
        with isthmus.open(self.name) as other:
            theirs = other.semaphore("s", 3)
            with semaphore:
                self.assertTrue(theirs.acquire(permits=2))
                self.assertEqual(semaphore.get_value(), 0)
                self.assertFalse(semaphore.acquire(block=False))
                self.assertFalse(semaphore.acquire(timeout=0.01))
            theirs.release(2)
            with self.assertRaises(isthmus.NotHeld):
                theirs.release()
            with self.assertRaises(ValueError):
                theirs.acquire(permits=4)
        self.assertEqual(semaphore.get_value(), 3)


class Rings(SegmentTest):
    def ends(self, *spec):
        ring = self.segment.spsc(*spec) if len(spec) == 3 else self.segment.bytes(*spec)
        return ring.producer(), ring.consumer()

    def test_spsc(self):
        into, out = self.ends("q", "{A 0 int32,B 4 [3]uint8}", 2)
        for i in range(10):
            into.push((i, [i, 0, 1]))
            self.assertEqual(out.pop(), (i, [i, 0, 1]))
        into.push((1, b"abc"))
        into.push((2, b"abc"), timeout=0)
        for timeout in [0, 0.001]:
            with self.assertRaises(queue.Full) as caught:
                into.push((3, b"abc"), timeout=timeout)
            self.assertIsInstance(caught.exception, TimeoutError)
        with self.assertRaises(isthmus.Busy):
            self.segment.spsc("q", "{A 0 int32,B 4 [3]uint8}", 2).producer()
        into.close()
        self.assertEqual([a for a, _ in out], [1, 2])
        with self.assertRaises(EOFError):
            out.pop()
        with self.assertRaises(isthmus.End):
            into.push((1, b"abc"))

    def test_blocks(self):
        into, out = self.ends("q", "[4096][4]float64", 2)
        block = np.arange(4096 * 4.0).reshape(4096, 4)
        into.push(block)
        into.push(block + 1)
        self.assertTrue((np.asarray(out.pop()) == block).all())
        room = np.zeros_like(block)
        out.pop(out=room)
        self.assertTrue((room == block + 1).all())
        for bad in [block[:-1], block.T, "x", b"x"]:
            with self.assertRaises((ValueError, TypeError, BufferError)):
                into.push(bad)
        with into.reserve() as slot:
            np.asarray(slot)[:] = 3
        with out.next() as slot:
            self.assertTrue(slot.readonly)
            self.assertEqual(np.asarray(slot).sum(), 3 * 4096 * 4)
        with self.assertRaises(isthmus.Empty):
            out.next(timeout=0)
        with self.assertRaises(ZeroDivisionError), into.reserve() as slot:
            1 // 0
        into.push(block)
        with self.assertRaises(ZeroDivisionError), out.next() as slot:
            array = np.asarray(slot)
            1 // 0
        del slot, array
        gc.collect()
        self.assertTrue((np.asarray(out.pop()) == block).all())  # it was not taken, and nothing before it pushed

    def test_lent_views(self):
        into, out = self.ends("q", "[4]int32", 2)
        into.push([1, 2, 3, 4])
        lent = out.next()
        view = np.asarray(lent)
        with self.assertRaisesRegex(BufferError, "views"):
            lent.release()
        for f in [out.pop, lambda: out.next(timeout=0), out.detach]:
            with self.assertRaisesRegex(RuntimeError, "in use"):
                f()
        self.assertEqual(view.tolist(), [1, 2, 3, 4])
        del view
        lent.release()
        lent.release()
        with self.assertRaises(BufferError):
            memoryview(lent)
        with self.assertRaises(isthmus.Empty):
            out.pop(timeout=0)

    def test_lent_closed(self):
        """A message that was lent is not what lies there after close."""
        into, out = self.ends("q", "[2]int32", 2)
        into.push([1, 2])
        for lent in [into.reserve(), out.next()]:
            self.segment.close()
            for use in [lambda: memoryview(lent), lent.__enter__, lent.release]:
                with self.assertRaises(isthmus.Closed):
                    use()

    def test_bytes(self):
        into, out = self.ends("q", 4096)
        for n in [0, 1, 8, 1000]:
            into.push(b"x" * n)
            with into.reserve(n) as slot:
                slot[:] = bytes(range(250)) * 4 if n == 1000 else b"y" * n
            self.assertEqual(out.pop(), b"x" * n)
            with out.next() as slot:
                self.assertEqual(bytes(slot[:4]), (b"\0\1\2\3" if n == 1000 else b"yyyy")[:n])
        with self.assertRaises(isthmus.TooLarge):
            into.push(bytes(3000))
        into.push(np.arange(3))
        self.assertEqual(np.frombuffer(out.pop(), int).tolist(), [0, 1, 2])
        into.push(pickle.dumps({"any": "object"}))
        self.assertEqual(pickle.loads(out.pop()), {"any": "object"})
        with into:
            pass
        self.segment.bytes("q", 4096).producer().close()
        self.assertEqual(list(out), [])

    def test_mpmc(self):
        ring = self.segment.mpmc("q", "int64", 4)
        for i in range(4):
            ring.push(i)
        with self.assertRaises(isthmus.Full):
            ring.push(4, timeout=0.001)
        self.assertEqual(ring.pop(), 0)
        with ring.next() as slot:
            self.assertEqual(slot[()], 1)
        ring.close()
        self.assertEqual(list(ring), [2, 3])
        with self.assertRaises(isthmus.End):
            ring.push(1)


    def test_given_back(self):
        """A message of an MPMC that nobody has released comes again."""
        ring = self.segment.mpmc("q", "int64", 2)
        for i in range(5):  # also once all slots have been used
            ring.push(i)
            with self.assertRaises(ZeroDivisionError), ring.next():
                1 // 0
            ring.next(timeout=0).abandon()
            ring.next(timeout=0)  # there is no way to release this one
            lent = ring.next(timeout=0)
            with lent as slot:
                self.assertEqual((slot[()], lent.deliveries), (i, 4))
        ring.push(5)
        lent = ring.next()
        ring.close()
        lent.abandon()
        with self.assertRaises(BufferError):
            memoryview(lent)
        lent.release()  # of what is over
        self.assertEqual(list(ring), [5])


class Threads(SegmentTest):
    """The GIL is free while a thread waits."""

    def waits(self, wait, go):
        result = []
        started = threading.Event()

        def run():
            started.set()
            try:
                result.append(wait())
            except isthmus.Error as e:
                result.append(e)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        started.wait()
        time.sleep(0.002)
        go()
        thread.join(WATCHDOG)
        self.assertFalse(thread.is_alive(), "it waits for ever")
        return result[0]

    def test_waits(self):
        other = isthmus.open(self.name)
        self.addCleanup(other.close)
        ring = self.segment.spsc("q", "int64", 2)
        into, out = ring.producer(), ring.consumer()
        self.assertEqual(self.waits(out.pop, lambda: into.push(5)), 5)
        into.push(1), into.push(2)
        self.assertIsNone(self.waits(lambda: into.push(3), out.pop))
        mpmc = self.segment.mpmc("m", "int64", 2)
        self.assertEqual(self.waits(mpmc.pop, lambda: mpmc.push(6)), 6)
        mpmc.push(7)
        self.assertEqual(self.waits(other.mpmc("m", "int64", 2).pop, mpmc.next().abandon), 7)
        bytes_ = self.segment.bytes("b", 64)
        into, out = bytes_.producer(), bytes_.consumer()
        self.assertEqual(self.waits(out.pop, lambda: into.push(b"hi")), b"hi")
        lock = self.segment.lock("l")
        lock.acquire()
        self.assertTrue(self.waits(lock.acquire, lock.release))
        semaphore = self.segment.semaphore("s", 1)
        semaphore.acquire()
        self.assertTrue(self.waits(other.semaphore("s", 1).acquire, semaphore.release))
        for type_ in ["int64", "[3]int64"]:
            value = self.segment.value("v" + type_, type_)
            zero, one = (0, 1) if type_ == "int64" else ([0] * 3, [1] * 3)
            self.assertEqual(list(np.ravel(self.waits(lambda: value.wait(zero), lambda: value.store(one)))), list(np.ravel(one)))

    def test_one_at_a_time(self):
        out = self.segment.spsc("q", "int64", 2).consumer()
        into = self.segment.spsc("q", "int64", 2).producer()

        def other():
            with self.assertRaisesRegex(RuntimeError, "another thread"):
                for _ in range(10000):
                    with contextlib.suppress(isthmus.Empty):
                        out.pop(timeout=0)
            into.push(3)

        self.assertEqual(self.waits(out.pop, other), 3)

    def test_close(self):
        ring = self.segment.spsc("q", "int64", 2)
        out = ring.consumer()
        self.assertIsInstance(self.waits(out.pop, self.segment.close), isthmus.Closed)
        for f in [out.pop, ring.producer, lambda: self.segment.lock("l")]:
            with self.assertRaises(isthmus.Closed):
                f()
        self.segment.close()

    def test_update(self):
        for type_, zero in [("int64", 0), ("[2]int64", [0, 0])]:
            v = self.segment.value(type_, type_)
            add = (lambda x: x + 1) if type_ == "int64" else (lambda x: [x[0] + 1, x[1] + 2])
            threads = [threading.Thread(target=lambda: [v.update(add) for _ in range(200)]) for _ in range(3)]
            for t in threads:
                t.start()
            for t in threads:
                t.join(WATCHDOG)
            got = v.value
            self.assertEqual(got if type_ == "int64" else got.tolist(), 600 if type_ == "int64" else [600, 1200])

    def test_interrupt(self):
        """A signal's handler runs while the main thread waits, and what it raises ends the wait."""
        out = self.segment.spsc("q", "int64", 2).consumer()
        lock = self.segment.lock("l")
        lock.acquire()
        value = self.segment.value("v", "int64")
        old = signal.signal(signal.SIGALRM, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        for wait in [out.pop, lambda: lock.acquire(timeout=WATCHDOG), lambda: value.wait(0), self.segment.mpmc("m", "int8", 2).pop]:
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            with self.assertRaises(KeyboardInterrupt):
                wait()
        self.segment.spsc("q", "int64", 2).producer().push(1)
        self.assertEqual(out.pop(), 1)


    def test_interrupted_iteration(self):
        """An EOFError of a handler is not the end of a ring."""

        def handle(number, frame):
            raise EOFError("of the handler")

        old = signal.signal(signal.SIGALRM, handle)
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        for messages in [self.segment.spsc("q", "int64", 2).consumer(), self.segment.mpmc("m", "int64", 2)]:
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            with self.assertRaisesRegex(EOFError, "handler"):
                list(messages)


class Lives(SegmentTest):
    def test_views_keep_the_segment(self):
        view = np.asarray(self.segment.array("a", "int64", 4))
        with self.assertRaisesRegex(BufferError, "1 views"):
            self.segment.close()
        with self.assertRaises(BufferError), self.segment:
            pass
        with self.assertRaises(ZeroDivisionError), self.segment:
            1 // 0
        view[0] = 1  # it is open
        self.assertEqual(self.segment.array("a", "int64", 4)[0], 1)
        slice_ = memoryview(view)[1:]
        del view
        gc.collect()
        with self.assertRaises(BufferError):
            self.segment.close()
        slice_.release()
        self.segment.close()
        self.assertTrue(self.segment.closed)

    def test_views_outlive_handles(self):
        def view():
            with_no_name = isthmus.open(self.name)
            return np.asarray(with_no_name.array("a", "int64", 4))

        a = view()
        gc.collect()
        a[:] = 5
        self.assertEqual(self.segment.array("a", "int64", 4)[:], [5] * 4)
        del a
        gc.collect()

    def test_left_views(self):
        """What is lent goes with its last view, whoever has that, and however the block was left."""
        ring = self.segment.spsc("q", "[2]int32", 2)
        into, out = ring.producer(), ring.consumer()
        into.push([1, 2])
        out.next().__enter__()
        into.reserve().__enter__()
        left = []
        for lend in [out.next, into.reserve]:
            with self.assertRaises(BufferError), lend() as slot:
                left.append(pickle.PickleBuffer(slot))
        left.clear()
        del slot
        self.assertEqual(out.pop().tolist(), [1, 2])
        into.push([3, 4])
        with out.next() as slot:
            del slot  # nor has it to be kept
        into.close()
        self.segment.close()

    def test_reservation(self):
        ring = self.segment.bytes("q", 1024)
        lent = ring.producer().reserve(8)
        with self.assertRaises(isthmus.Busy):
            ring.producer()  # the lent keeps its producer
        view = memoryview(lent)
        del lent
        gc.collect()
        view[:] = bytes(8)
        with self.assertRaises(BufferError):
            self.segment.close()
        view.release()
        gc.collect()
        ring.producer()

    def test_pickle(self):
        s = self.segment
        for x in [s.value("v", "int8"), s.array("a", "d", 3), s.lock("l"), s.semaphore("s", 2), s.spsc("q", "b", 4), s.mpmc("m", "b", 4), s.bytes("b", 64)]:
            y = pickle.loads(pickle.dumps(x))
            self.assertEqual((type(y), y.name, y.segment.name), (type(x), x.name, self.name))
            self.assertNotEqual(y.segment.id, s.id)
            self.assertIn(x.name, repr(y))
        a, b = pickle.loads(pickle.dumps((s.lock("l"), s.value("v", "int8"))))
        self.assertIs(a.segment, b.segment)
        c = pickle.loads(pickle.dumps(s))
        self.assertIs(c, a.segment)
        data = pickle.dumps(s)
        s.remove()
        with isthmus.create(self.name, 4096), self.assertRaises(isthmus.NotFound):
            del a, b, c, x, y
            gc.collect()
            pickle.loads(data)
        with self.assertRaises(TypeError):
            copy.copy(s.spsc("q", "b", 4).producer())

    def test_interpreters(self):
        """Another interpreter of the process does not get the package, and does it no harm."""
        try:
            from _xxsubinterpreters import create, destroy, run_string
        except ImportError:
            from _interpreters import create, destroy, run_string
        other = create()
        self.addCleanup(destroy, other)
        failed = "import sys; sys.path[:] = %r\ntry: import isthmus\nexcept ImportError: pass\nelse: raise SystemError" % sys.path
        self.assertIsNone(run_string(other, failed))
        with self.assertRaises(isthmus.NotFound):
            isthmus.open(self.name + "x")
        self.segment.value("v", "int64")

    def test_references(self):
        """No object is lost or freed twice."""
        v = self.segment.value("v", "[2]int64")
        ring = self.segment.spsc("q", "[2]int64", 2)
        into, out = ring.producer(), ring.consumer()
        text, dtype = v.type, [1, 2]

        def use():
            for _ in range(250):
                v.store(dtype), v.load(), v.update(lambda x: x), v.wait([0, 0])
                into.push(dtype), out.pop()
                with into.reserve() as m:
                    np.asarray(m)[:] = 1
                with out.next() as m:
                    m.tolist()
                repr(v), v.name, v.segment, v.type, v.dtype
                pickle.dumps(v)
                try:
                    out.pop(timeout=0)
                except isthmus.Empty:
                    pass

        use()
        gc.collect()
        before = [sys.getrefcount(x) for x in (v, ring, into, out, text, self.segment, None)]
        blocks = sys.getallocatedblocks()
        use()
        gc.collect()
        after = [sys.getrefcount(x) for x in (v, ring, into, out, text, self.segment, None)]
        for was, is_ in zip(before, after):
            self.assertLess(abs(was - is_), 200)
        self.assertLess(sys.getallocatedblocks() - blocks, 200)


if __name__ == "__main__":
    unittest.main()
