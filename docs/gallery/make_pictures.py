"""Make the pictures of the gallery by running the code of its page: ``make docs``."""

import contextlib
import os
import re
import tempfile
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")
GALLERY = Path(__file__).parent
STARTUP = GALLERY.parents[1] / "profile_collection" / "startup"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def make() -> None:
    """Run the blocks of ``index.md``, with the names of the IPython profile."""
    from seccm_ophyd.session import open_session

    page = GALLERY / "index.md"
    with (
        tempfile.TemporaryDirectory() as data,
        open_session(
            simulator=True, seed=1, time_scale=0, data_dir=data, catalogue=""
        ) as session,
        contextlib.chdir(GALLERY),
    ):
        names = {"RE": session.RE, "seccm": session.seccm, "cat": session.catalog}
        for file in ("10-plans.py", "15-techniques.py"):
            exec((STARTUP / file).read_text(), names)
        for match in BLOCK.finditer(page.read_text()):
            line = page.read_text().count("\n", 0, match.start(1))
            exec(compile("\n" * line + match[1], page, "exec"), names)


if __name__ == "__main__":
    make()
