"""What the banner tells to type, typed in any order, in a session of each sample."""

import random
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from bluesky.magics import BlueskyMagics
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from seccm_ophyd.errors import ParameterError
from seccm_ophyd.session import open_session
from tests.system.conftest import read_pv

pytestmark = pytest.mark.system

STARTUP = Path(__file__).parents[2] / "profile_collection" / "startup"
CODE = re.compile(r"(RE|print|hop_map|replay|len)\(|%|cat[\[.]|seccm\.")
DRIVING = re.compile(r"RE\(|%|seccm\.")
NUMBER_OF_POINTS = re.compile(r"\b(41|21)\b")  # of a line of a map
# what may be said of a run: that there is none yet, or that it is of another kind
RUN = re.compile(r"cat[\[.]|resume_scan|\"run\"")


def typed(banner):
    """Return what a banner tells to type, a line at a time; maps of 3 x 3 points."""
    cells = [
        re.split(r" {2,}", line.strip().replace(";  ", "; "))
        for line in banner.splitlines()[2:]
    ]
    found = [cell for line in cells for cell in line if CODE.match(cell)]
    return [NUMBER_OF_POINTS.sub("3", cell) for cell in found]


class Typist:
    """Types into an IPython of its own, as the profile makes it."""

    def __init__(self, session):
        config = Config()
        config.HistoryManager.enabled = False
        names = {"RE": session.RE, "seccm": session.seccm, "cat": session.catalog}
        names["z_axis"] = session.seccm.z.axis
        for file in ("10-plans.py", "15-techniques.py"):
            exec((STARTUP / file).read_text(), names)
        self.shell = InteractiveShell(config=config, user_ns=names)
        self.shell.register_magics(BlueskyMagics)
        self.session = session
        session.RE.subscribe(self.note_run, "start")

    def note_run(self, _name, start):
        """Let `uid` be that of the newest run."""
        self.shell.user_ns["uid"] = start["uid"]

    def type(self, line):
        """Type a line; only what it says of a run may be an error."""
        done = self.shell.run_cell(line)
        error = done.error_before_exec or done.error_in_exec
        if error is not None:
            allowed = ParameterError, LookupError, ValueError, TypeError, NameError
            assert RUN.search(line), f"{line}: {error!r}"
            assert isinstance(error, allowed), f"{line}: {error!r}"
        plt.close("all")
        return error

    def check_unharmed(self, lines):
        """Check that the probe is whole, whatever was typed."""
        m = self.session.seccm
        assert m.tripped.get(use_monitor=False) == "no", lines
        assert m.z.state.get(use_monitor=False) == "WITHDRAWN", lines
        assert read_pv(f"{m.prefix}Sim:TipRadius") == 50.0
        assert read_pv(f"{m.prefix}Sim:LateralTouches") == 0
        assert read_pv(f"{m.prefix}Sim:DraggedMenisci") == 0


@pytest.fixture
def type_in_orders(tmp_path, module_profiles, capfd):
    """Type the lines of the banner in some orders, in one session of a sample."""

    def orders(sample, count, among=CODE):
        with open_session(
            simulator=True, sample=sample, seed=1, time_scale=0, data_dir=tmp_path
        ) as session:
            typist, lines = Typist(session), typed(session.banner())
            plans = "hop_scan potential_map cyclic_voltammetry hop_to count resume_scan"
            for wanted in (*plans.split(), "%mov", "cat[-1]", "replay", "seccm.stop"):
                assert any(wanted in line for line in lines), f"{wanted}: {lines}"
            lines = [line for line in lines if among.match(line)]
            shuffler = random.Random(f"{sample} {count}")
            for _ in range(count):
                shuffler.shuffle(lines)
                for line in lines:
                    typist.type(line)
                typist.check_unharmed(lines)

    return orders


def test_the_banner_is_parted_into_what_is_typed():
    banner = """
  SECCM on the simulator

  RE(hop_scan(seccm, CurrentSample(potential_v=0.65), -10, 10, 41, -10, 10, 41))
      map a grid: x from -10 to 10 um in 41 columns, y as well
  RE(hop_to(seccm, 0, 0));  RE(withdraw(seccm))      land at a point; lift the probe
  %mov seccm.xy.x 3     %wa     as ever in Bluesky
  In a shell: seccm runs, show -1
"""
    assert typed(banner) == [
        "RE(hop_scan(seccm, CurrentSample(potential_v=0.65), -10, 10, 3, -10, 10, 3))",
        "RE(hop_to(seccm, 0, 0)); RE(withdraw(seccm))",
        "%mov seccm.xy.x 3",
        "%wa",
    ]


def test_the_lines_of_the_banner_harm_nothing_in_any_order(type_in_orders):
    type_in_orders("film_edge", 3, among=DRIVING)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("sample", ["composite", "film_edge", "nanoparticles"])
def test_the_lines_of_the_banner_harm_nothing_in_20_orders(type_in_orders, sample):
    type_in_orders(sample, 20)
