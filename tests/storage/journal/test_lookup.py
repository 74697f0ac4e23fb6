from dataclasses import dataclass

import numpy as np
import pytest

from seccm_ophyd.errors import RunNotFoundError
from seccm_ophyd.storage.journal.lookup import choose


@dataclass
class Run:
    uid: str
    scan_id: int | None


# newest first; 17 is a scan number and the beginning of the uid of another run
RUNS = [
    Run("17aaaaaa-0000", 3),
    Run("2bbbbbbb-0000", 17),
    Run("2bbbbbcc-0000", 17),
    Run("12345678-0000", None),
    Run("uid", 1),
]


@pytest.mark.parametrize(
    ("name", "uid"),
    [
        (17, "2bbbbbbb-0000"),  # the newest with that number
        ("17", "2bbbbbbb-0000"),
        ("uid:17", "17aaaaaa-0000"),
        ("17a", "17aaaaaa-0000"),
        ("12345", "12345678-0000"),
        ("uid:12", "12345678-0000"),
        (np.int64(3), "17aaaaaa-0000"),
        (-1, "17aaaaaa-0000"),
        ("-5", "uid"),
        ("uid", "uid"),
        ("uid:uid", "uid"),
    ],
)
def test_a_run_has_several_names(name, uid):
    assert choose(RUNS, name, "here").uid == uid


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (86, "no scan 86 among the 5 runs of here"),
        ("86", "no scan 86 among the 5 runs of here"),
        ("123", "no scan 123 among .*; a run whose uid begins so is uid:123"),
        (12345, "no scan 12345 among"),
        ("uid:", "no run 'uid:' among"),
        ("", "no run '' among"),
        (-6, "no run -6 among the 5 runs"),
        ("zz", "no run 'zz' among the 5 runs"),
        (True, "True names no run: give a uid, a scan number, or -1"),
        (1.0, "names no run"),
        (None, "names no run"),
        ("2bbb", "2 runs begin with '2bbb': 2bbbbbbb .scan 17., 2bbbbbcc .scan"),
    ],
)  # fmt: skip
def test_a_name_that_is_none_is_told_with_where_it_was_looked_for(name, message):
    with pytest.raises(RunNotFoundError, match=message) as caught:
        choose(RUNS, name, "here")
    assert isinstance(caught.value, KeyError)
    assert not str(caught.value).startswith(("'", '"'))  # no repr of the sentence


def test_of_many_runs_that_begin_alike_a_few_are_named():
    runs = [Run(f"abcdefgh-{n}", n) for n in range(9)]
    with pytest.raises(RunNotFoundError, match=r"9 runs .*\(scan 3\), \.\.\.;"):
        choose(runs, "abc", "here")


def test_a_single_run_is_no_plural():
    with pytest.raises(RunNotFoundError, match="among the 1 run of here"):
        choose(RUNS[:1], 9, "here")
