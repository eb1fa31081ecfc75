# The sending side of a row from Python to Go: arrays of NumPy through a ring.SPSC. It reads
# commands, one a line, and writes reports: see protocol.go.
import json
import os
import select
import signal
import sys
import threading

import isthmus
import numpy


def end_with(coordinator):
    """Ends this process when the coordinator has, even in a wait for space."""
    poll = select.poll()
    poll.register(coordinator, 0)  # hang-ups are always told
    poll.poll()
    os._exit(0)


def push(into, block, begin, end):
    """Hands over an array that the program has."""
    for seq in range(begin, end):
        block[::8] = seq
        into.push(block)


def reserve(into, block, begin, end):
    """Writes the array in place."""
    for seq in range(begin, end):
        with into.reserve() as slot:
            numpy.asarray(slot)[::8] = seq


def main(name, size, capacity, mode):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator ends us in order
    threading.Thread(target=end_with, args=(0,), daemon=True).start()
    words = size // 8
    into = isthmus.open(name).spsc("stream", f"[{words}]uint64", capacity).producer()
    send = reserve if mode == "zerocopy" else push
    block, seq = numpy.zeros(words, numpy.uint64), 0
    print("{}", flush=True)
    for line in sys.stdin:
        n = json.loads(line)["ops"] + 1  # one starts the receiver's clock
        send(into, block, seq, seq + n)
        seq += n
        print(json.dumps({"sides": [{"ops": 0, "nanos": 0}]}), flush=True)
    os._exit(0)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
