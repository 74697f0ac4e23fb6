import os
import socket
import subprocess
import sys

import pytest

from seccm_ophyd.storage import LockedError, SessionLock, session_alive
from seccm_ophyd.storage.locks import WriterLock

HOLD = """
import sys
from seccm_ophyd.storage import DataFolder, SessionLock
SessionLock(DataFolder(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_one_session_at_a_time(folder):
    assert not session_alive(folder)
    with SessionLock(folder, {"prefix": "SECCM:"}):
        assert session_alive(folder)
        assert '"prefix": "SECCM:"' in folder.session_lock.read_text()
        message = f"process {os.getpid()} on {socket.gethostname()}"
        with pytest.raises(LockedError, match=message):
            SessionLock(folder).acquire(0)
        with pytest.raises(LockedError, match=message):
            SessionLock(folder).check()
    assert not session_alive(folder)
    SessionLock(folder).check()


def test_release_may_be_called_twice_and_the_lock_taken_again(folder):
    lock = SessionLock(folder)
    lock.acquire()
    lock.release()
    lock.release()
    lock.acquire()
    assert session_alive(folder)
    lock.release()


def test_session_and_writer_do_not_exclude_each_other(folder):
    with SessionLock(folder), WriterLock(folder):
        assert session_alive(folder)


def test_a_killed_process_holds_nothing(folder):
    command = [sys.executable, "-c", HOLD, str(folder.root)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=f"process {holder.pid}"):
            SessionLock(folder).acquire(0)
        holder.kill()
        holder.wait()
        SessionLock(folder).check()
