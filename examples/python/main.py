# The side in Python: see main.go, which starts it.
import multiprocessing
import sys

import isthmus
import numpy


def deposit(balance, lock, n):
    for _ in range(n):
        with lock:
            balance.value += 1


def main(name, deposits, blocks):
    with isthmus.open(name) as segment:
        balance, lock = segment.value("balance", "int64"), segment.lock("lock")
        fork = multiprocessing.get_context("fork")  # "spawn" works as well, for a script in a file
        processes = [fork.Process(target=deposit, args=(balance, lock, deposits)) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        print("Python is done with", len(processes), "processes", flush=True)
        out = segment.spsc("blocks", numpy.dtype((float, 4096)), 4).producer()
        block = numpy.arange(4096.0)
        for _ in range(blocks):
            out.push(block)  # or: with out.reserve() as slot: numpy.asarray(slot)[:] = ...
            block += 1
        out.close()


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
