import io
import re

from seccm_ophyd.replay import replay
from seccm_ophyd.views import HopProgress, progress
from tests.synthetic_runs import scan_run


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_plain_lines_into_a_file(monkeypatch):
    monkeypatch.setattr(progress, "PLAIN_S", 0.0)
    out = io.StringIO()
    replay(scan_run(4, 3, misses=(1, 2), repeats=(5,)).documents, HopProgress(out))
    lines = out.getvalue().strip().splitlines()
    assert "\r" not in out.getvalue()
    counts = [int(re.search(r"(\d+)/12 hops", line)[1]) for line in lines]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] == 12  # the repeated hop counts once
    assert "2 missed" in lines[-1]
    assert re.search(r"[\d.]+ hops/s, .* left", lines[-1])


def test_few_lines_by_default():
    out = io.StringIO()
    replay(scan_run(20, 20).documents, HopProgress(out))
    assert len(out.getvalue().split("\n")) <= 5


def test_a_bar_on_a_terminal_and_another_run_after_it():
    out = Terminal()
    line = HopProgress(out)
    for run in (scan_run(4, 3, stop_after=5), scan_run(3, 3, pages=4)):
        replay(run.documents, line)
    last = out.getvalue().split("\r")[-1]
    assert "9/9 hops" in last
    assert "|##" in last or "|██" in last  # the latter where the file is UTF-8


def test_runs_without_hops_show_nothing():
    out = io.StringIO()
    run = scan_run(2, 2)
    run.documents[1][1]["data_keys"].pop("seccm_hop_index")
    replay(run.documents, HopProgress(out))
    assert out.getvalue() == ""


def test_standard_error_is_the_default(capsys):
    replay(scan_run(2, 2).documents, HopProgress())
    captured = capsys.readouterr()
    assert "4/4 hops" in captured.err
    assert captured.out == ""


def test_a_run_between_two_hops_does_not_end_the_line():
    out = Terminal()
    line, run = HopProgress(out), scan_run(3, 3)
    other = scan_run(2, 2)
    other.documents[0][1].pop("techniques")
    replay(run.documents[:5], line)
    replay(other.documents, line)
    for name, doc in run.documents[5:]:
        line(name, doc)
    assert "9/9 hops" in out.getvalue().split("\r")[-1]
