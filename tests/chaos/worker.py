"""The session of ``make chaos``: ``python -m tests.chaos.worker PREFIX FOLDER``.

It reads a JSON line for each order from its standard input, and writes one for all that
happens to its standard output. Orders that are to be carried out at once, in a thread
of their own: ``pause``, ``abort``, ``stop``, ``halt``, and those of `_AT_ONCE`.
"""

import time

_offset = [0.0]  # by which the wall clock of this process is off (s)
_time, _time_ns = time.time, time.time_ns
time.time = lambda: _time() + _offset[0]
time.time_ns = lambda: _time_ns() + int(1e9 * _offset[0])

import contextlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import queue  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
from typing import Any  # noqa: E402

from bluesky.utils import RunEngineInterrupted  # noqa: E402

from seccm_ophyd import plans  # noqa: E402
from seccm_ophyd.config import Config  # noqa: E402
from seccm_ophyd.session import Session, open_session  # noqa: E402

_orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
_telling = threading.Lock()
_stalled = [0.0]  # until when the storage stalls, monotonic (s)
_said = [""]  # by the runs, when they ended
_fsync = os.fsync
_answers = os.dup(1)  # for answers alone: what else is printed goes to the log
os.dup2(2, 1)


def tell(what: str, **values: Any) -> None:
    """Write one line."""
    line = json.dumps({"told": what, "at": time.monotonic(), **values})
    with _telling:
        os.write(_answers, (line + "\n").encode())


def _slow_fsync(fd: int) -> None:
    left = _stalled[0] - time.monotonic()
    if left > 0:
        time.sleep(left)
    _fsync(fd)


os.fsync = _slow_fsync


def _stall(_session: Session, seconds: float) -> None:
    _stalled[0] = time.monotonic() + seconds


def _clock(_session: Session, seconds: float) -> None:
    _offset[0] += seconds


def _reserve(session: Session, megabytes: float) -> None:
    traces = session.seccm.traces
    traces.reserve.put(traces.free_space.get() + megabytes * 1e6)


_AT_ONCE = {"stall": _stall, "clock": _clock, "reserve": _reserve}


def _listen(session: Session) -> None:
    """Carry out what is to be done at once; hand the rest to the main thread."""
    for line in sys.stdin:
        order = json.loads(line)
        name = order["order"]
        if name in _AT_ONCE:
            _AT_ONCE[name](session, order["value"])
        elif name == "pause":
            if not session.RE.state.is_idle:
                session.RE.request_pause(defer=bool(order["value"]))
        elif name in ("abort", "stop", "halt") and not session.RE.state.is_paused:
            threading.Thread(target=_end, args=(session, name), daemon=True).start()
        else:
            _orders.put(order)
    _orders.put({"order": "close"})


def _end(session: Session, how: str) -> None:
    try:
        getattr(session.RE, how)()
    except Exception as error:  # the run may have ended by itself meanwhile
        tell("not ended", why=repr(error)[:200])


def _run(session: Session, order: dict[str, Any]) -> None:
    """Run a plan, or go on with one that was paused; tell how that ended."""
    try:
        if order["order"] == "run":
            plan = getattr(plans, order["plan"])(
                session.seccm, *order["args"], **order["kwargs"]
            )
            session.RE(plan)
        else:
            getattr(session.RE, order["order"])()
    except RunEngineInterrupted:
        if session.RE.state == "paused":
            tell("paused")
            return
        tell("ended", error="interrupted")
    except (Exception, KeyboardInterrupt) as error:
        if session.RE.state == "paused":  # it could not be resumed
            _end(session, "abort")
        _said.append(f"{type(error).__name__}: {' '.join(str(error).split())}")
        tell("ended", error=_said[-1])
    else:
        _said.append("")
        tell("ended", error="")


def _make_ready(session: Session, lost: bool) -> None:
    """Do what the messages ask an operator to do after a loss or a trip."""
    seccm = session.seccm
    session.seccm.traces.reserve.put(0.0)
    try:
        if lost or seccm.link.lost:
            seccm.rehome()
        if seccm.tripped.get() == "yes":
            seccm.acknowledge.put(1)
    except Exception as error:
        tell("not ready", error=f"{type(error).__name__}: {error}"[:500])
    else:
        tell("made ready")


def main(prefix: str, folder: str) -> None:
    """Open a session and do what is ordered."""
    config = Config(prefix=prefix, data_dir=folder, catalogue="chaos", reserve_mb=0.0)
    try:
        session = open_session(config=config)
    except Exception as error:
        tell("refused", error=f"{type(error).__name__}: {' '.join(str(error).split())}")
        raise SystemExit(1) from error
    session.RE.subscribe(lambda _, doc: tell("start", uid=doc["uid"]), "start")
    with session:
        threading.Thread(target=_listen, args=(session,), daemon=True).start()
        tell("ready")
        while True:
            with contextlib.suppress(KeyboardInterrupt):  # nothing runs
                order = _orders.get()
                if order["order"] == "close":
                    break
                if order["order"] == "make ready":
                    _make_ready(session, "InstrumentLost" in _said[-1])
                else:
                    _run(session, order)
    tell("closed")


if __name__ == "__main__":
    main(*sys.argv[1:])
