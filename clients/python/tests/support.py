"""What the tests share."""

import os
import unittest

import isthmus

WATCHDOG = 30.0  # seconds, after which something hangs


class SegmentTest(unittest.TestCase):
    """A test that has a segment of its own."""

    def setUp(self):
        self.name = f"python.{os.getpid()}.{self.id().rsplit('.', 1)[1]}"
        self.segment = isthmus.create(self.name, 4 << 20)
        self.addCleanup(self.leave)

    def leave(self):
        try:
            isthmus.remove(self.name)
        except isthmus.NotFound:
            pass
