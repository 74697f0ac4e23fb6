"""Machine code: what it is to give, and that it is there before it is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

from seccm_ophyd.sim_devices.physics import compiled
from seccm_ophyd.sim_devices.physics.electrode import raster
from seccm_ophyd.sim_devices.physics.solver import stepping

TWICE = "float64(float64)"


def test_nothing_is_compiled_after_the_import(monkeypatch):
    # the command of the simulator, which another test may have imported, puts it off
    monkeypatch.setattr(compiled._queue, "is_put_off", False)

    @compiled.compiled(TWICE)
    def twice(x):
        return 2 * x

    assert twice(1.5) == 3.0
    assert len(twice.signatures) == 1
    with pytest.raises(TypeError, match="No matching definition"):
        twice("text")


def test_what_is_put_off_is_caught_up(monkeypatch):
    monkeypatch.setattr(compiled._queue, "is_put_off", True)

    @compiled.compiled(TWICE)
    def twice(x):
        return 2 * x

    assert not twice.signatures
    compiled.catch_up()
    assert len(twice.signatures) == 1
    assert twice(1.5) == 3.0


def test_it_works_where_nothing_can_be_kept(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import made\n"
        "print(made.twice(1.5), made.twice._cache.cache_path is None)"
    )
    source = tmp_path / "folder" / "made.py"
    source.parent.mkdir()
    source.write_text(
        "from seccm_ophyd.sim_devices.physics.compiled import compiled\n"
        f"@compiled({TWICE!r})\ndef twice(x):\n    return 2 * x\n"
    )
    (source.parent / "__pycache__").write_text("a file where a folder should be")
    home = tmp_path / "a file, not a home"
    home.write_text("")
    done = subprocess.run(
        [sys.executable, "-c", code, str(source.parent)],
        env={"HOME": str(home), "XDG_CACHE_HOME": str(home), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["3.0", "True"], done.stderr


@pytest.mark.parametrize("name", ["seccm_ophyd.sim_devices", "sim_devices"])
def test_the_package_can_be_imported_by_both_its_names(name):
    code = (
        f"import {name}.physics.cell; import sys; print('seccm_ophyd' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [str(name.startswith("seccm"))], done.stderr


def test_what_is_kept_is_named_by_all_sources():
    names = [
        made.py_func.__qualname__ for made in (stepping.hold_block, raster._nearest)
    ]
    assert names[0].startswith(
        "seccm_ophyd.sim_devices.physics.solver.stepping.hold_block-"
    )
    assert len({name.rpartition("-")[2] for name in names}) == 1
