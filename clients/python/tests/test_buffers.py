"""Buffers: those that are given, and those that show shared memory."""

import ctypes
import unittest

import numpy as np
from support import SegmentTest

import isthmus


class Given(SegmentTest):
    def test_objects(self):
        """Objects' addresses are not shared, and nothing is written over them."""
        value, ring = self.segment.value("v", "[2]int64", [1, 2]), self.segment.spsc("q", "[2]int64", 4)
        into, out = ring.producer(), ring.consumer()
        text = self.segment.bytes("b", 256).producer()
        into.push([3, 4])
        objects = np.dtype([("O", "i4"), ("P", object)], align=True)
        for given in [np.array([5, 6], object), np.zeros(1, objects), (ctypes.py_object * 2)(5, 6)]:
            for use in [value.store, into.push, text.push, lambda x: value.load(out=x), lambda x: out.pop(out=x)]:
                with self.assertRaisesRegex(TypeError, "objects"):
                    use(given)
        self.assertEqual((value.value.tolist(), out.pop().tolist()), ([1, 2], [3, 4]))
        with self.assertRaises(isthmus.Empty):
            out.pop(timeout=0)

    def test_no_format(self):
        """NumPy has no format for dates: their bytes are taken all the same."""
        value = self.segment.value("v", "{O 0 int64,P 8 int64}")
        value.store(np.array([3, 4], "M8[ns]"))
        self.assertEqual(value.value, (3, 4))
        value.store(np.array([(5, 6)], [("O", "i8"), ("P", "i8")]))
        self.assertEqual(value.value, (5, 6))


if __name__ == "__main__":
    unittest.main()
