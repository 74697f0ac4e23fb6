#!/usr/bin/env bash
# bluesky 1.15.1: a plan sets two objects in one group and waits. The first one fails, and
# the wait raises. Where the plan cleans up after that (finalize_wrapper), the failure of
# the second one, whose group nobody waits for any more, is raised inside the cleanup and
# ends it. Of several sets that may fail late, as when an instrument is lost, only one at a
# time leaves the cleanup whole.
# Exit 0: still so. Exit 1: the behaviour has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet bluesky==1.15.1 ophyd==1.11.2
"$place/venv/bin/python" - << 'PYTHON' > "$place/out" 2> "$place/err"
import threading

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky import RunEngine, FailedStatus
from ophyd.status import Status


class Late:
    parent = None

    def __init__(self, name, after_s):
        self.name, self.after_s = name, after_s

    def set(self, value):
        status = Status()
        fail = lambda: status.set_exception(RuntimeError(self.name))
        threading.Timer(self.after_s, fail).start()
        return status


told = []


def cleanup():
    told.append("cleanup begins")
    yield from bps.sleep(2.0)
    told.append("cleanup ends")


def plan(together):
    first, second = Late("first", 0.2), Late("second", 0.8)
    if together:
        yield from bps.mv(first, 1, second, 1)
    else:
        yield from bps.mv(first, 1)
        yield from bps.mv(second, 1)


RE = RunEngine({})
for together in (False, True):
    try:
        RE(bpp.finalize_wrapper(plan(together), cleanup))
    except FailedStatus as error:
        told.append(f"raised {error.__cause__}")
    print("together:" if together else "one by one:", ", ".join(told))
    told.clear()
PYTHON
cat "$place/out"
diff "$place/out" - << 'EXPECTED'
one by one: cleanup begins, cleanup ends, raised first
together: cleanup begins, raised second
EXPECTED
