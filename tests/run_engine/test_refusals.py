"""What an IPython session shows of a plan that is refused, aborted or faulty."""

import io
import logging
import sys
import warnings

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import pytest
from bluesky.utils import FailedStatus
from IPython.core.interactiveshell import InteractiveShell
from ophyd.utils import LimitError

from seccm_ophyd.errors import CommandRefusedError, TrippedError
from seccm_ophyd.plans import current_map
from seccm_ophyd.run_engine.engine import SessionEngine
from seccm_ophyd.run_engine.refusals import show_briefly

MAP = "RE(current_map(m, -1, 1, 2, -1, 1, 2{}))"


@pytest.fixture
def shell(fake, capsys):
    """Give an IPython shell as the profile sets it up, with an engine and a fake."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        engine = SessionEngine({}, context_managers=[])
    engine.keep_safe(fake.device)
    before, hook = logging.getLogger("bluesky").filters[:], sys.excepthook
    made = InteractiveShell(user_ns={"RE": engine, "m": fake.device})
    made.history_manager.enabled = False
    show_briefly(made)
    names = [current_map, bps, bpp, LimitError, TrippedError, FailedStatus]
    made.push({getattr(n, "__name__", "").split(".")[-1]: n for n in names})
    made.push({"bps": bps, "bpp": bpp, "CommandRefusedError": CommandRefusedError})
    made.logged = io.StringIO()
    handler = logging.StreamHandler(made.logged)
    logging.getLogger("bluesky").addHandler(handler)
    capsys.readouterr()
    yield made
    logging.getLogger("bluesky").removeHandler(handler)
    logging.getLogger("bluesky").filters[:] = before
    sys.excepthook = hook
    made.history_manager.end_session()
    engine.end_loop()


def shown(shell, capsys, line):
    """Run a line and return what comes to the terminal, the log first."""
    shell.run_cell(line)
    out, err = capsys.readouterr()
    logged = shell.logged.getvalue()
    shell.logged.seek(shell.logged.truncate(0))
    return logged + out + err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (MAP.format(", potential_v=650"), "ParameterError: potential_v=650"),
        ("current_map(m.xy, 0, 1, 2, 0, 1, 2)", "ParameterError: microscope=seccm_xy"),
        ("RE(5)", "ParameterError: 5 is no plan"),
        ("raise LimitError('30 um is beyond')", "LimitError: 30 um is beyond"),
        ("raise TrippedError('tripped')", "TrippedError: tripped"),
        (
            "raise FailedStatus() from CommandRefusedError('x: no')",
            "CommandRefusedError: x: no",
        ),
    ],
)
def test_a_refusal_is_one_sentence(shell, capsys, line, said):
    text = shown(shell, capsys, line)
    assert text.startswith(said)
    assert text.count("\n") == 1


def test_a_failing_instrument_is_one_sentence(shell, capsys, fake):
    fake.outcomes["approach"] = 5
    text = shown(shell, capsys, MAP.format(""))
    assert "Traceback" not in text
    assert text.strip().splitlines()[-1].startswith("CommandRefusedError: ")


def test_a_pause_and_an_abort_show_no_traceback(shell, capsys):
    line = "RE(bpp.run_wrapper(bpp.pchain(bps.checkpoint(), bps.pause())))"
    assert "Traceback" not in shown(shell, capsys, line)
    text = shown(shell, capsys, "RE.abort('the drop has dried')")
    assert "Traceback" not in text
    assert "Aborting" in text
    assert "open traces" not in text


@pytest.mark.parametrize("line", ["1 / 0", "RE(bps.mv(m.xy, 3, 4))"])
def test_other_errors_keep_their_traceback(shell, capsys, line):
    text = shown(shell, capsys, line)
    assert "Traceback" in text
    assert "Error" in text


def test_debug_finds_the_place_and_the_level_debug_shows_the_traceback(
    shell, capsys, caplog
):
    shown(shell, capsys, MAP.format(", potential_v=650"))
    assert sys.last_type.__name__ == "ParameterError"
    assert sys.last_traceback is not None
    assert shell.InteractiveTB.tb is sys.last_traceback
    caplog.set_level("DEBUG", logger="seccm_ophyd")
    text = shown(shell, capsys, MAP.format(", potential_v=650"))
    assert text.count("Traceback") >= 2  # of IPython, and of bluesky's log
    assert text.strip().splitlines()[-1].startswith("ParameterError: potential_v=650")
