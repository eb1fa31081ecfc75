# The sides of one row on Python's multiprocessing. This process starts them,
# hands them the commands that it reads, one a line, and writes their reports:
# see protocol.go.
import json
import multiprocessing
import os
import select
import signal
import sys
import threading
import time
from multiprocessing.connection import wait

fork = multiprocessing.get_context("fork")
clock = time.perf_counter_ns


class Trips:
    """Round trips of 8 bytes over a pipe each way."""

    def __init__(self, procs):
        self.there = fork.Pipe(duplex=False)
        self.back = fork.Pipe(duplex=False)

    def join(self, side):
        if side == 0:
            self.receive, self.send = self.back[0].recv_bytes, self.there[1].send_bytes
        else:
            self.receive, self.send = self.there[0].recv_bytes, self.back[1].send_bytes
        self.run = self.ask if side == 0 else self.answer
        self.seq = 0

    def asks(self, n):
        receive, send = self.receive, self.send
        for seq in range(self.seq, self.seq + n):
            message = seq.to_bytes(8, "little")
            send(message)
            if receive() != message:
                raise ValueError(f"message {seq} is missing, damaged or out of order")
        self.seq += n

    def ask(self, command):
        trips = []
        start = last = clock()
        if not command["sample"]:
            self.asks(command["ops"])
        else:
            for _ in range(command["ops"]):
                self.asks(1)
                now = clock()
                trips.append(now - last)
                last = now
        return {"ops": command["ops"], "nanos": clock() - start, "trips": trips}

    def answer(self, command):
        receive, send = self.receive, self.send
        for seq in range(self.seq, self.seq + command["ops"]):
            message = receive()
            if message != seq.to_bytes(8, "little"):
                raise ValueError(f"message {seq} is missing, damaged or out of order")
            send(message)
        self.seq += command["ops"]
        return {"ops": command["ops"], "nanos": 0}


class Stream:
    """Integers through a Queue. The receiver's clock starts with the first."""

    def __init__(self, procs):
        self.queue = fork.Queue()

    def join(self, side):
        self.run = self.send if side == 0 else self.receive
        self.seq = 0

    def send(self, command):
        put = self.queue.put
        for seq in range(self.seq, self.seq + command["ops"] + 1):
            put(seq)
        self.seq += command["ops"] + 1
        return {"ops": 0, "nanos": 0}

    def receives(self, n):
        get = self.queue.get
        for seq in range(self.seq, self.seq + n):
            if get() != seq:
                raise ValueError(f"message {seq} is missing, damaged or out of order")
        self.seq += n

    def receive(self, command):
        self.receives(1)
        start = clock()
        self.receives(command["ops"])
        return {"ops": command["ops"], "nanos": clock() - start}


class Blocks(Stream):
    """Arrays of NumPy through a Queue."""

    size = 0

    def join(self, side):
        import numpy

        self.block = numpy.zeros(Blocks.size // 8, numpy.uint64)
        super().join(side)

    def send(self, command):
        put, block = self.queue.put, self.block
        for seq in range(self.seq, self.seq + command["ops"] + 1):
            block = block.copy()  # the queue's thread has yet to read the last
            block[::8] = seq
            put(block)
        self.seq += command["ops"] + 1
        return {"ops": 0, "nanos": 0}

    def receives(self, n):
        get = self.queue.get
        for seq in range(self.seq, self.seq + n):
            if not (get()[::8] == seq).all():
                raise ValueError(f"message {seq} is missing, damaged or out of order")
        self.seq += n


class Lock:
    """Pairs of acquire and release, or with statements, until the first side has done its own."""

    with_ = False

    def __init__(self, procs):
        self.lock = fork.Lock()
        self.barrier = fork.Barrier(procs)
        self.finished = fork.RawValue("Q")

    def join(self, side):
        pass

    def run(self, command):
        ops, epoch = command["ops"], command["epoch"]
        acquire, release, finished = self.lock.acquire, self.lock.release, self.finished
        self.barrier.wait()
        start = clock()
        done = 0
        if self.with_:
            done = self.withs(ops, epoch)
        while not self.with_ and done < ops and finished.value < epoch:
            n = min(64, ops - done)
            for _ in range(n):
                acquire()
                release()
            done += n
        finished.value = epoch
        return {"ops": done, "nanos": clock() - start}


    def withs(self, ops, epoch):
        lock, finished, done = self.lock, self.finished, 0
        while done < ops and finished.value < epoch:
            n = min(64, ops - done)
            for _ in range(n):
                with lock:
                    pass
            done += n
        return done


class IsthmusLock(Lock):
    """The same with a lock of Isthmus."""

    def __init__(self, procs):
        super().__init__(procs)
        import isthmus

        segment = isthmus.create(f"bench-python-{os.getpid()}", 1 << 16)
        segment.remove()
        self.lock = segment.lock("lock")


def end_with(coordinator):
    """Ends this process when the coordinator has, even in a wait for a message."""
    poll = select.poll()
    poll.register(coordinator, 0)  # hang-ups are always told
    poll.poll()
    os._exit(0)


def play(work, side, cpu, commands, coordinator):
    """Is the whole life of one side."""
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    threading.Thread(target=end_with, args=(coordinator,), daemon=True).start()
    work.join(side)
    while True:
        command = commands.recv()
        try:
            commands.send({"sides": [work.run(command)]})
        except Exception as problem:
            commands.send({"err": repr(problem)})
            return


def report(sides):
    """Collects one report of every side; the first failure is that of all."""
    reports = {}
    while len(reports) < len(sides):
        for side in wait([s for s in sides if s not in reports]):
            reports[side] = side.recv()
            if "err" in reports[side]:
                return reports[side]
    return {"sides": [reports[s]["sides"][0] for s in sides]}


def main(system, mode, procs, size, cpus):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator ends us in order
    kinds = {"python.Pipe": Trips, "python.Queue": Blocks if size > 8 else Stream, "python.Lock": Lock, "python.shm.Lock": IsthmusLock}
    Blocks.size = size
    Lock.with_ = mode == "with"
    work = kinds[system](procs)
    coordinator = os.dup(0)  # a child of multiprocessing closes its standard input
    sides = []
    for side in range(procs):
        mine, its = fork.Pipe()
        cpu = cpus[side % len(cpus)] if cpus else None
        fork.Process(target=play, args=(work, side, cpu, its, coordinator), daemon=True).start()
        its.close()  # so that its end is that of the process
        sides.append(mine)
    print("{}", flush=True)
    for line in sys.stdin:
        # The receiving side first, so that it is there when the first message is.
        for side in reversed(sides):
            side.send(json.loads(line))
        print(json.dumps(report(sides)), flush=True)
    os._exit(0)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), [int(cpu) for cpu in sys.argv[5].split()])
