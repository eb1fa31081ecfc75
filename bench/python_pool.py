# The side of one row on a pool of Python's, or on its processes. This process measures, and
# starts the others. It reads commands, one a line, and writes reports: see protocol.go.
import concurrent.futures
import json
import math
import multiprocessing
import os
import select
import signal
import sys
import threading
import time

fork = multiprocessing.get_context("fork")


def end_with(coordinator):
    """Ends this process when the coordinator has."""
    poll = select.poll()
    poll.register(coordinator, 0)  # hang-ups are always told
    poll.poll()
    os._exit(0)


def hired(coordinator):
    """Is called in each worker first."""
    threading.Thread(target=end_with, args=(coordinator,), daemon=True).start()


def square(x):
    return x * x


def pid(_):
    time.sleep(0.001)  # so that another worker takes the next
    return os.getpid()


class Pool:
    """multiprocessing.Pool"""

    def __init__(self, workers, coordinator):
        self.pool = fork.Pool(workers, hired, (coordinator,))
        self.call = lambda f, x: self.pool.apply(f, (x,))
        self.begin = lambda f, x: self.pool.apply_async(f, (x,)).get
        self.map = self.pool.map


class Executor:
    """concurrent.futures.ProcessPoolExecutor"""

    def __init__(self, workers, coordinator):
        pool = concurrent.futures.ProcessPoolExecutor(workers, fork, hired, (coordinator,))
        self.call = lambda f, x: pool.submit(f, x).result()
        self.begin = lambda f, x: pool.submit(f, x).result
        self.map = lambda f, xs, chunk: pool.map(f, xs, chunksize=chunk)


class Serial:
    """No pool at all."""

    def __init__(self, workers, coordinator):
        self.map = lambda f, xs, chunk: map(f, xs)


def check(x, result, want):
    if result != want:
        raise ValueError(f"task {x} has the result {result}, want {want}")


def one_by_one(pool, first, n, _):
    for x in range(first, first + n):
        check(x, pool.call(square, x), x * x)


def many_at_once(pool, first, n, outstanding):
    """Begins a task as soon as the oldest has its result."""
    begun = []
    for i in range(n):
        if i >= outstanding:
            x = first + i - outstanding
            check(x, begun[i % outstanding](), x * x)
            begun[i % outstanding] = pool.begin(square, first + i)
        else:
            begun.append(pool.begin(square, first + i))
    for i in range(max(0, n - outstanding), n):
        x = first + i
        check(x, begun[i % outstanding](), x * x)


def in_chunks(pool, first, n, chunk):
    numbers = range(first, first + n)
    results = list(pool.map(square, numbers, chunk))
    check("all", results, [x * x for x in numbers])


def factorials(pool, numbers, chunk):
    """Each factorial is its number times the one before."""
    want = 1
    count = 0
    for k, f in enumerate(pool.map(math.factorial, range(numbers), chunk)):
        want *= max(k, 1)
        check(k, f, want)
        count += 1
    check("last", count, numbers)


def starts(method, n):
    for _ in range(n):
        p = multiprocessing.get_context(method).Process(target=os.getpid)
        p.start()
        p.join()
        check("process", p.exitcode, 0)


def work(workload, system, mode, workers, number, coordinator):
    """Returns what does n operations, from the one of that number on."""
    if workload == "start":
        return lambda first, n: starts(mode, n)
    pool = {"python.Pool": Pool, "python.ProcessPoolExecutor": Executor, "python.serial": Serial}[system](workers, coordinator)
    if system != "python.serial":
        seen = set()
        while len(seen) < workers:
            seen.update(pool.map(pid, range(2 * workers), 1))
    if workload == "factorial":
        numbers, chunk = number
        return lambda first, n: [factorials(pool, numbers, chunk) for _ in range(n)]
    run = {"call": one_by_one, "go": many_at_once, "map": in_chunks}[mode]
    return lambda first, n: run(pool, first, n, number[0])


def main(workload, system, mode, workers, *number):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator ends us in order
    coordinator = os.dup(0)  # a child of multiprocessing closes its standard input
    run = work(workload, system, mode, int(workers), [int(x) for x in number], coordinator)
    print("{}", flush=True)
    done = 0
    # Not from sys.stdin, whose lock would be held: a child closes that, and a pool forks
    # another worker whenever one has ended.
    for line in os.fdopen(os.dup(0)):
        ops = json.loads(line)["ops"]
        start = time.perf_counter_ns()
        try:
            run(done, ops)
        except Exception as problem:
            print(json.dumps({"err": repr(problem)}), flush=True)
            break
        print(json.dumps({"sides": [{"ops": ops, "nanos": time.perf_counter_ns() - start}]}), flush=True)
        done += ops
    os._exit(0)  # and with it the workers


main(*sys.argv[1:])
