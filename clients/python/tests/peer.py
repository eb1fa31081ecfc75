"""Does what the tests in Go say: evaluates each line, and answers with what it is."""

import os
import sys

import isthmus

names = {"isthmus": isthmus, "os": os}


def count(lock, array, n):
    for _ in range(n):
        with lock:
            array[0] += 1


def send(into, make, begin, end):
    for i in range(begin, end):
        into.push(make(i))


def receive(out, make, begin, end):
    """Returns the first that is not as it should be."""
    for i in range(begin, end):
        got = out.pop()
        got = got.tolist() if isinstance(got, memoryview) else got
        if got != make(i):
            return got


names.update(count=count, send=send, receive=receive)


def answer(line):
    try:
        try:
            code = compile(line, "the test", "eval")
        except SyntaxError:
            exec(compile(line, "the test", "exec"), names)
            return ""
        x = eval(code, names)
    except Exception as e:
        return type(e).__name__ + (f": {e}" if not isinstance(e, (isthmus.Error, BufferError)) else "")
    return "" if x is None else repr(x)


for line in sys.stdin:
    line = line.rstrip("\n")
    if line == "exit":
        break
    print(answer(line), flush=True)
