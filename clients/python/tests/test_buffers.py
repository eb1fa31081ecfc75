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


class Buffer(ctypes.Structure):
    """Py_buffer."""

    _fields_ = [
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)),
        ("suboffsets", ctypes.POINTER(ctypes.c_ssize_t)),
        ("internal", ctypes.c_void_p),
    ]


SIMPLE, WRITABLE, FORMAT, ND, STRIDES = 0, 1, 4, 8, 24
C_CONTIGUOUS, F_CONTIGUOUS, ANY_CONTIGUOUS = 32 | STRIDES, 64 | STRIDES, 128 | STRIDES


class Shown(SegmentTest):
    def requested(self, given, flags):
        """Returns what a request of PEP 3118 gives."""
        b = Buffer()
        get, release = ctypes.pythonapi.PyObject_GetBuffer, ctypes.pythonapi.PyBuffer_Release
        get(ctypes.py_object(given), ctypes.byref(b), ctypes.c_int(flags))
        n = b.ndim
        got = b.len, b.itemsize, bool(b.readonly), b.format, b.shape[:n] if b.shape else None, b.strides[:n] if b.strides else None
        release(ctypes.byref(b))
        return got

    def test_requests(self):
        grid = self.segment.array("grid", "[3]int16", 2)
        for flags, want in [
            (SIMPLE, (12, 2, False, None, None, None)),
            (WRITABLE | FORMAT, (12, 2, False, b"h", None, None)),
            (ND, (12, 2, False, None, [2, 3], None)),
            (STRIDES, (12, 2, False, None, [2, 3], [6, 2])),
            (C_CONTIGUOUS, (12, 2, False, None, [2, 3], [6, 2])),
            (ANY_CONTIGUOUS, (12, 2, False, None, [2, 3], [6, 2])),
        ]:
            self.assertEqual(self.requested(grid, flags), want)
        with self.assertRaises(BufferError):
            self.requested(grid, F_CONTIGUOUS)
        for row in [self.segment.array("row", "int16", 6), self.segment.array("thin", "[6]int16", 1)]:
            self.assertEqual(self.requested(row, F_CONTIGUOUS)[0], 12)
        ring = self.segment.mpmc("q", "int64", 2)
        ring.push(1)
        with ring.next() as slot:
            lent = slot.obj
            self.assertEqual(self.requested(lent, STRIDES | FORMAT), (8, 8, True, b"l", None, None))
            with self.assertRaises(BufferError):
                self.requested(lent, WRITABLE)
        self.segment.close()  # all were released


if __name__ == "__main__":
    unittest.main()
