"""What processes do together that multiprocessing starts, by each of its methods."""

import multiprocessing
import os
import signal
import sys
import threading
import time
import unittest

import numpy as np
from support import WATCHDOG, SegmentTest

import isthmus


def deposit(balance, lock, n):
    for _ in range(n):
        with lock:
            balance.value += 1


def squares(source, results, total):
    for i, x in enumerate(source):
        results[i] = x * x
    total.add(sum(source))


def add(value, array, n):
    value.add(1)
    while value.value < 2:  # until the other is there
        pass
    for _ in range(n):
        value.add(1)
        array.add(1, 1)


def produce(ring, n):
    with ring.producer() as into:
        for i in range(n):
            into.push(i)
        into.close()


def work(jobs, results):
    for x in jobs:
        results.push((os.getpid(), x * x))


def hold(lock, semaphore, held):
    lock.acquire()
    semaphore.acquire(permits=2)
    held.store(1)
    time.sleep(WATCHDOG)


shared = None


def hire(objects):
    global shared
    shared = objects


def count(x):
    lock, total = shared
    with lock:
        total.value += x
    return x * x


def count_given(given):
    total, x = given
    total.add(x)
    return os.getpid()


class Processes(SegmentTest):
    def start(self, context, target, *args):
        process = context.Process(target=target, args=args)
        process.start()
        self.addCleanup(lambda: process.kill() if process.is_alive() else None)
        return process

    def join(self, *processes):
        for process in processes:
            process.join(WATCHDOG)
            self.assertEqual(process.exitcode, 0)

    def each(self, method):
        """All that users of multiprocessing pass to a Process."""
        context = multiprocessing.get_context(method)
        s = self.segment
        balance, lock = s.value("balance", "i", 5), s.lock("lock")
        source, total = range(5), s.value("total", int)
        results = s.array("results", "i", 5)
        ring, jobs, done = s.spsc("ring", int, 4), s.mpmc("jobs", int, 16), s.mpmc("done", "[2]int64", 16)
        processes = [self.start(context, deposit, balance, lock, 300) for _ in range(2)]
        processes += [
            self.start(context, squares, source, results, total),
            self.start(context, produce, ring, 20),
            self.start(context, work, jobs, done),
        ]
        self.assertEqual(list(ring.consumer()), list(range(20)))
        for i in range(10):
            jobs.push(i)
        jobs.close()
        self.assertEqual([done.pop(timeout=WATCHDOG)[1] for _ in range(10)], [i * i for i in range(10)])
        self.join(*processes)
        self.assertEqual((balance.value, results[:], total.value), (605, [0, 1, 4, 9, 16], 10))

    def test_fork(self):
        self.each("fork")

    def test_spawn(self):
        self.each("spawn")

    def test_add(self):
        value, array = self.segment.value("v", int), self.segment.array("a", "int8", 4)
        processes = [self.start(multiprocessing.get_context("fork"), add, value, array, 20000) for _ in range(2)]
        self.join(*processes)
        self.assertEqual((value.value, array[:]), (40002, [0, 40000 % 256, 0, 0]))

    def test_pools(self):
        for method in ["fork", "forkserver"]:
            lock, total = self.segment.lock(method), self.segment.value(method + "total", int)
            with multiprocessing.get_context(method).Pool(2, hire, ((lock, total),)) as pool:
                self.assertEqual(pool.map(count, range(20)), [i * i for i in range(20)])
                self.assertEqual(total.value, 190)
                pids = pool.map(count_given, [(total, 1)] * 10)  # objects as a task's arguments
                self.assertNotIn(os.getpid(), pids)
                self.assertEqual(total.value, 200)


class Fork(SegmentTest):
    def forked(self, child):
        """Runs child in a fork, and checks its result."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                child()
                status = 0
            except BaseException:
                import traceback

                traceback.print_exc()
            os._exit(status)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)

    def test_handles(self):
        """A child attaches anew, to the same file, and holds nothing of its parent's."""
        s = self.segment
        lock, semaphore, value = s.lock("l"), s.semaphore("s", 2), s.value("v", "[2]int64", [1, 2])
        ring, mpmc, parent = s.spsc("q", int, 4), s.mpmc("m", int, 4), s.id
        into, out = ring.producer(), ring.consumer()
        into.push(1)
        lock.acquire()
        semaphore.acquire()
        s.remove()  # the file has no name any more
        lent = out.next()

        def child():
            self.assertFalse(lock.acquire(block=False))
            with self.assertRaises(isthmus.NotHeld):
                lock.release()
            with self.assertRaises(isthmus.NotHeld):
                semaphore.release()
            self.assertNotEqual(s.id, parent)
            with semaphore:
                self.assertEqual(semaphore.get_value(), 0)
            for use in [lambda: into.push(2), out.pop, into.close, lambda: memoryview(lent), lent.__enter__, lent.release]:
                with self.assertRaises(isthmus.Forked):
                    use()
            for claim in [ring.producer, ring.consumer]:
                with self.assertRaises(isthmus.Busy):
                    claim()
            self.assertEqual(value.value.tolist(), [1, 2])
            value.store([3, 4])
            mpmc.push(7)

        self.forked(child)
        self.assertEqual((mpmc.pop(), value.value.tolist(), semaphore.get_value()), (7, [3, 4], 1))
        lent.release()
        lock.release()
        semaphore.release()

    def test_views(self):
        """Views that a child inherits show the segment, without any call before."""
        array = self.segment.array("a", "float64", 1000)
        view = np.asarray(array)
        part = memoryview(array)[10:20]
        view[:] = 1

        def child():
            self.assertEqual(view.sum(), 1000)
            view[3] = 5
            part[0] = 6
            self.assertEqual(array[3], 5)
            array[4] = 7
            self.forked(grandchild)
            with self.assertRaises(BufferError):
                self.segment.close()

        def grandchild():
            self.assertEqual((view[4], part[0]), (7, 6))
            view[5] = 8

        self.forked(child)
        self.assertEqual((view[3:6].tolist(), view[10]), ([5, 7, 8], 6))

    def test_views_of_others(self):
        """A segment that has no room for a child is said to have none, and the others show theirs."""
        view = np.asarray(self.segment.array("a", "int64", 2))
        with isthmus.create(self.name + "full", 4096, max_procs=1) as full:
            full.remove()
            array = full.array("a", "int64", 2)
            lonely = memoryview(array)
            view[0] = lonely[0] = 1

            def child():
                self.assertEqual((view[0], lonely[0]), (1, 0))
                view[1] = 2
                with self.assertRaises(isthmus.NoRoom):
                    array[0]

            ignored = []
            hook, sys.unraisablehook = sys.unraisablehook, lambda e: ignored.append(e.exc_type)
            try:
                self.forked(lambda: self.assertEqual(ignored, [isthmus.NoRoom]))
                self.forked(child)
            finally:
                sys.unraisablehook = hook
            self.assertEqual(view[1], 2)
            lonely.release()

    def test_within_a_call(self):
        """A child that is forked within a call does not go on with it in its parent's name."""
        s, parent = self.segment, os.getpid()
        pair, number, array = s.value("p", "[2]int64"), s.value("n", int), s.array("a", int, 2)
        view = np.asarray(array)  # so that each child attaches at once
        ring, mpmc, lock, semaphore = s.spsc("q", int, 4), s.mpmc("m", int, 4), s.lock("l"), s.semaphore("s", 1)
        into, out = ring.producer(), ring.consumer()
        other = isthmus.open(self.name)
        held, taken = other.lock("l"), other.semaphore("s", 1)
        held.acquire(), taken.acquire()

        def fork(x=None):
            pid = os.fork()
            if pid > 0:
                self.assertEqual(os.waitpid(pid, 0)[1], 0)
            return x

        def within(call, child):
            result = None
            try:
                result = call()
            except isthmus.Forked as e:
                result = type(e)
            finally:
                if os.getpid() != parent:
                    os._exit(result is not child)
            return result

        class Forks:
            def __index__(self):
                return fork(7)

        self.assertEqual(within(lambda: number.update(lambda x: fork(x + 1)), isthmus.Forked), 1)
        theirs = other.value("p", "[2]int64")
        store = threading.Thread(target=theirs.store, args=([5, 6],))

        def update(x):
            fork()
            if os.getpid() == parent:
                store.start()
                store.join(0.05)  # it waits for the update, whose lock the child has left alone
            return [3, 4]

        self.assertEqual(within(lambda: pair.update(update), isthmus.Forked), [3, 4])
        store.join(WATCHDOG)
        self.assertIs(within(lambda: into.push(Forks()), isthmus.Forked), None)
        self.assertEqual((number.value, pair.value.tolist(), out.pop()), (1, [5, 6], 7))
        for use in [lambda: pair.store([Forks(), 8]), lambda: array.__setitem__(0, Forks()), lambda: mpmc.push(Forks())]:
            self.assertIs(within(use, None), None)  # that is before the call
        self.assertEqual((pair.value.tolist(), view[0], mpmc.pop(), mpmc.pop()), ([7, 8], 7, 7, 7))

        def handle(signum, frame):
            go()
            fork()

        old = signal.signal(signal.SIGALRM, handle)
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        for wait, go, result in [
            (lambda: out.pop(WATCHDOG), lambda: into.push(1), 1),
            (lambda: mpmc.pop(WATCHDOG), lambda: mpmc.push(2), 2),
            (lambda: number.wait(1), lambda: number.add(2), 3),
            (lock.acquire, held.release, True),
            (semaphore.acquire, taken.release, True),
        ]:
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            self.assertEqual(within(wait, isthmus.Forked), result)

    def test_generations(self):
        """A producer of before is none in a grandchild, wherever its memory lies."""
        ring = self.segment.spsc("q", int, 4)
        into = ring.producer()

        def child():
            self.segment.lock("l")
            self.forked(grandchild)

        def grandchild():
            self.segment.lock("l")
            with self.assertRaises(isthmus.Forked):
                into.push(1)

        self.forked(child)
        into.push(1)

    def test_closed(self):
        lock = self.segment.lock("l")
        self.segment.close()

        def child():
            with self.assertRaises(isthmus.Closed):
                lock.acquire()

        self.forked(child)

    def test_child_ends(self):
        """What ends a child lets go of nothing that is its parent's."""
        lock = self.segment.lock("l")
        lock.acquire()
        self.forked(lambda: None)
        self.forked(self.segment.close)
        with isthmus.open(self.name) as other:
            self.assertFalse(other.lock("l").acquire(block=False))
        lock.release()

    def test_killed(self):
        s = self.segment
        lock, semaphore, held = s.lock("l"), s.semaphore("s", 3), s.value("held", "?")
        process = multiprocessing.get_context("fork").Process(target=hold, args=(lock, semaphore, held))
        process.start()
        self.assertTrue(held.wait(False, timeout=WATCHDOG))
        self.assertFalse(lock.acquire(timeout=0.01))
        self.assertFalse(semaphore.acquire(permits=2, block=False))
        os.kill(process.pid, signal.SIGKILL)
        with self.assertRaises(isthmus.OwnerDied):
            lock.acquire(timeout=WATCHDOG)
        lock.mark_consistent()
        lock.release()
        self.assertTrue(semaphore.acquire(timeout=WATCHDOG, permits=3))
        process.join(WATCHDOG)


if __name__ == "__main__":
    unittest.main()
