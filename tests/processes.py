"""Finding the processes that a test started, so that none is left behind."""

import time
from pathlib import Path


def processes_with(marker):
    """List (pid, command line) of the processes whose command line has `marker`."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, UnicodeDecodeError):
            continue
        if marker in command:
            found.append((int(folder.name), command))
    return found


def wait_until_gone(marker, timeout_s=120):
    """Wait until no process has `marker` in its command line.

    Catalogue writers outlive their session until the catalogue has everything.
    """
    deadline = time.monotonic() + timeout_s
    while left := processes_with(marker):
        assert time.monotonic() < deadline, f"left behind: {left}"
        time.sleep(0.1)
