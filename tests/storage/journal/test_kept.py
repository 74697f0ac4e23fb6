"""What a stored run could not hold is refused by name, before the run begins."""

import datetime
import json
from pathlib import Path

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import numpy as np
import pytest
from ophyd import Signal

from seccm_ophyd.errors import NotKeptError, ParameterError
from seccm_ophyd.run_engine.engine import SessionEngine
from seccm_ophyd.run_engine.storing import Storing
from seccm_ophyd.storage import Journal, StorageThread
from seccm_ophyd.storage.journal.journal import encode
from seccm_ophyd.storage.journal.kept import check_kept
from seccm_ophyd.storage.journal.reader import documents


def _around_itself():
    made = []
    made.append(made)
    return made


@pytest.fixture
def engine(folder):
    made = SessionEngine({}, context_managers=[])
    thread = StorageThread()
    made.store_with(Storing(Journal(folder), thread, 60.0))
    yield made
    made.end_loop()
    thread.end()


@pytest.mark.parametrize(
    ("md", "named"),
    [
        ({"file": Path("a.csv")}, "'file' is a PosixPath"),
        ({"when": datetime.datetime(2026, 1, 1)}, "'when' is a datetime"),
        ({"users": {"a"}}, "'users' is a set"),
        (
            {"sample": {"made": [1, {"on": datetime.date(2026, 1, 1)}]}},
            "'on'] is a date",
        ),
        ({"image": b"\0"}, "'image' is a bytes"),
        ({"z": 1j}, "'z' is a complex"),
        ({"table": {1: "a"}}, r"'table'\[1\] is a key of type int"),
        ({"a.b": 1}, r"'a.b' must have .* e.g. 'a_b'"),
        ({"deep": {"a/b": 1}}, r"'a/b' must have .* e.g. 'a_b'"),
        ({"": 1}, "'' must have a sign"),
        ({"deep": _around_itself()}, r"'deep'\[0\].* is in more than 100 lists"),
    ],
)
def test_metadata_that_cannot_be_kept_are_refused_by_name(md, named):
    with pytest.raises(ParameterError, match=named):
        check_kept(md)


def test_metadata_that_can_be_kept_pass():
    check_kept(
        {"a": [1, (2, 3.5)], "b": {"c": None, "d": np.arange(3)}, "e": np.int8(1)}
    )


def test_nothing_begins_with_metadata_that_cannot_be_kept(engine, folder):
    signal, moved = Signal(name="s", value=0), []

    def plan(**md):
        moved.append((yield from bps.mv(signal, 1)))
        yield from bp.count([signal], **md)

    with pytest.raises(ParameterError, match="'file' is a PosixPath"):
        engine(plan(), file=Path("a.csv"))
    assert not moved
    with pytest.raises(ParameterError, match="'file' is a PosixPath"):
        engine(plan(md={"file": Path("a.csv")}))
    engine.md["users"] = {"me"}
    with pytest.raises(ParameterError, match="'users' is a set"):
        engine(plan())
    assert not list(folder.journal.iterdir())


def test_bluesky_checks_metadata_as_well(engine):
    with pytest.raises(ValueError, match="'sample'"):
        engine(bp.count([Signal(name="s", value=0)]), sample=[1])


def test_a_document_that_cannot_be_kept_names_the_key():
    doc = {"data": {"picture": {1, 2}}}
    with pytest.raises(
        NotKeptError, match=r"event document: 'data'\['picture'\] is a set.* keeps text"
    ):
        encode("event", doc)


class _LongText(Signal):
    """Describes itself as a long text of an EPICS record does: limits are chars."""

    def describe(self):
        limits = {"lower_ctrl_limit": b"\x00", "upper_ctrl_limit": b"\xff"}
        return {self.name: super().describe()[self.name] | limits}


def test_limits_of_a_char_waveform_are_numbers(engine, folder):
    (uid,) = engine(bp.count([_LongText(name="text", value=60 * "x")]))
    found = dict(documents(folder.journal_file(uid)))
    about = found["descriptor"]["data_keys"]["text"]
    assert (about["lower_ctrl_limit"], about["upper_ctrl_limit"]) == (0, 255)
    assert found["event"]["data"] == {"text": 60 * "x"}


def test_long_doubles_are_numbers():
    assert json.loads(encode("stop", {"x": np.longdouble(0.5)}))[1] == {"x": 0.5}
