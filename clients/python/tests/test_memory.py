"""What happens when there is no memory: a MemoryError, and nothing else."""

import contextlib
import unittest

from support import SegmentTest

import isthmus

try:
    from _testcapi import remove_mem_hooks, set_nomemory
except ImportError:  # not everywhere is Python's own test suite
    set_nomemory = None


class Memory(SegmentTest):
    def test_no_memory(self):
        s = self.segment
        value, ring = s.value("v", "[2]int64"), s.spsc("q", "[2]int64", 2)
        into, out = ring.producer(), ring.consumer()
        texts = iter([f"{{A{i} 0 int64,{'B' * 100} 8 [2]int64,C 24 complex64}}" for i in range(100)])  # types that are new

        def into_and_out():
            into.reserve(timeout=0).release()
            out.next(timeout=0).release()

        def a_type():
            isthmus._isthmus._plain(next(texts))

        for use in [a_type, lambda: s.value("v", "[2]int64", (1, 2)), lambda: s.lock("v"), lambda: value.store((1, 2)), into_and_out]:
            for begin in range(40):
                for end in [begin + 1, 0]:  # one failure, or all from there on
                    set_nomemory(begin, end)
                    try:
                        use()
                    except (MemoryError, isthmus.Error):
                        pass
                    finally:
                        remove_mem_hooks()
        with contextlib.suppress(isthmus.Empty):
            while True:
                out.pop(timeout=0)
        into.push((3, 4))
        self.assertEqual(out.pop().tolist(), [3, 4])


if set_nomemory is None:
    del Memory

if __name__ == "__main__":
    unittest.main()
