"""The tutorial: its commands run, from top to bottom, in one session."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorials" / "first_session.md"


@pytest.mark.slow
def test_the_commands_of_the_tutorial_run(session, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", TUTORIAL.read_text(), re.S | re.M)
    assert len(blocks) > 8
    names = {"RE": session.RE, "seccm": session.seccm, "cat": session.catalog}
    for block in blocks:
        exec(compile(block, TUTORIAL.name, "exec"), names)
    said = capsys.readouterr().out
    assert re.match(r"289 hops, about 7[5-9] s, 5\.6 MB\n", said)
    assert (tmp_path / "replayed.png").stat().st_size > 10_000
    assert names["curves"].end_reason.values.tolist() in (["time"], ["upper cut-off"])
    assert session.seccm.z.state.get() == "WITHDRAWN"
