"""A person at a terminal: a Python prompt behind a pty, where Ctrl-C is a key."""

import os
import pty
import select
import subprocess
import sys
import time

__all__ = ["CTRL_C", "Terminal"]

CTRL_C = b"\x03"

# The prompt is the only program of its terminal: Ctrl-C is sent to it.
_TAKE_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"


class Terminal:
    """An interactive Python that begins with some code.

    Parameters
    ----------
    code
        What it does before its first prompt.
    arguments
        Its ``sys.argv[1:]``.
    """

    def __init__(self, code, *arguments):
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-i", "-c", _TAKE_TERMINAL + code, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.shown = ""

    def press(self, key=CTRL_C):
        """Press one key."""
        os.write(self._master, key)

    def type(self, line):
        """Type a line, and the return key."""
        self.press(line.encode() + b"\n")

    def wait_for(self, text, count=1, timeout_s=60.0):
        """Read until a text has been shown so many times since the last wait."""
        deadline = time.monotonic() + timeout_s
        while self.shown.count(text) < count:
            ready, _, _ = select.select([self._master], [], [], 0.2)
            if ready:
                self.shown += os.read(self._master, 4096).decode(errors="replace")
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.shown}"
        seen, self.shown = self.shown, ""
        return seen

    def close(self):
        """Leave the prompt, once."""
        if self.process.returncode is not None:
            return
        self.type("exit()")
        try:
            self.process.wait(60)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self._master)
