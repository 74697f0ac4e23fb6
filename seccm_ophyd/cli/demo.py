"""``make demo``: the main job from nothing to a picture, on the simulator."""

import subprocess
import sys
import time
from pathlib import Path
from typing import cast

from ..plans import hop_scan
from ..session import open_session
from ..techniques import CurrentSample
from ..views import HopProgress

__all__ = ["demo"]

HALF_WIDTH_UM = 10.0  # Fig. 2a of the paper: 20 x 20 um

NEXT = """
The picture         {picture}
The run             {uid}
  its journal       {journal}
  in databroker     {known}

What to type next
  {bin}seccm show {uid8} --data {data}
  {bin}ipython --profile-dir=profile_collection
      RE(hop_scan(seccm, CurrentSample(potential_v=0.65), -5, 5, 21, -5, 5, 21))
"""


def demo(data_dir: Path, *, points: int = 41, seed: int = 1) -> int:
    """Run a hopping scan, store it, read it back in a new process and draw it.

    Parameters
    ----------
    data_dir
        Data folder.
    points
        Hops along x and along y.
    seed
        Seed of sample and noise.

    Returns
    -------
    int
        Exit code of the process that reads and draws.
    """
    span = (-HALF_WIDTH_UM, HALF_WIDTH_UM, points)
    print("Starting the simulator: a composite LiFePO4 electrode under a nanopipette")
    began = time.monotonic()
    with open_session(
        simulator=True, sample="composite", seed=seed, time_scale=0, data_dir=data_dir
    ) as session:
        ready = time.monotonic()
        print(f"Ready after {ready - began:.1f} s. Hopping over {points} x {points}")
        session.RE.subscribe(HopProgress())
        technique = CurrentSample(potential_v=0.65)
        plan = hop_scan(session.seccm, technique, *span, *span)
        (uid,) = cast(tuple[str], session.RE(plan))
        seconds = time.monotonic() - ready
        hops = points * points
        print(f"{hops} hops in {seconds:.1f} s, {1e3 * seconds / hops:.1f} ms a hop")
        session.catalog[uid]  # waits until the catalogue has all of it
        folder, name = session.folder, session.catalog.name
    print("Reading it back from the catalogue in a new process:\n")
    picture = folder.root / "pictures" / f"{uid}.png"
    picture.parent.mkdir(exist_ok=True)
    show = ("show", uid, "--data", str(folder.root), "--save", str(picture))
    shown = subprocess.run(
        [sys.executable, "-m", "seccm_ophyd.cli", *show], check=False
    )
    binaries = Path(sys.executable).parent
    print(
        NEXT.format(
            picture=picture,
            uid=uid,
            uid8=uid[:8],
            known=f'databroker.catalog["{name}"]["{uid[:8]}"]' if name else "no name",
            journal=folder.journal_file(uid),
            data=data_dir,
            bin=f"{_short(binaries)}/",
        )
    )
    return shown.returncode


def _short(path: Path) -> Path:
    """Name a path relative to the current folder where it lies below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
