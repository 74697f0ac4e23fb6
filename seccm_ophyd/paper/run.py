"""``seccm paper``: every figure of the paper, measured, stored, drawn and compared."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..config import Config
from ..errors import SeccmError
from ..session import open_session
from ..storage import DataFolder, SessionCatalogue
from ..views import HopProgress
from .experiment import Experiment
from .galvanostatic import GalvanostaticMap
from .maps import ActivityMap, BothDirections, NanoparticleMap, SameArea
from .points import ApproachCurves, ChargeDischarge, Control, ScanRates
from .potentials import ChargeAndRemap, PotentialMap
from .table import Row, format_table, write_json

__all__ = ["EXPERIMENTS", "FIGURES", "reproduce"]

CATALOGUE = "seccm_paper"
RUNS_FILE = "runs.json"

EXPERIMENTS: tuple[type[Experiment], ...] = (
    ApproachCurves,
    ScanRates,
    ActivityMap,
    ChargeDischarge,
    PotentialMap,
    ChargeAndRemap,
    GalvanostaticMap,
    NanoparticleMap,
    Control,
    BothDirections,
    SameArea,
)

FIGURES = tuple(name for kind in EXPERIMENTS for name in kind.figures)
"""Figures of the paper that can be reproduced."""


def reproduce(
    out: Path,
    *,
    figures: Sequence[str] = FIGURES,
    seed: int = 0,
    measure: bool = True,
) -> list[Row]:
    """Run the experiments of the paper on the simulator and compare the outcome.

    Parameters
    ----------
    out
        Folder for pictures, ``paper.json`` and the data folder ``data``.
    figures
        Which figures, some of `FIGURES`.
    seed
        Seed of samples and noise.
    measure
        False: draw and compare the runs that are stored in `out` already.

    Returns
    -------
    list of Row
        What was compared.

    Raises
    ------
    SeccmError
        If there is no such figure, no stored run of it, or `out` is a file.
    """
    unknown = sorted(set(figures) - set(FIGURES))
    if unknown:
        raise SeccmError(
            f"figure {', '.join(unknown)} is not among {', '.join(FIGURES)}"
        )
    if out.exists() and not out.is_dir():
        raise SeccmError(
            f"{out} must be a folder and is a file: give another with --out"
        )
    if not (measure or out.is_dir()):
        raise SeccmError(f"{out} holds no stored run: run seccm paper without --stored")
    out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    began = time.monotonic()
    for kind in EXPERIMENTS:
        wanted = [name for name in kind.figures if name in figures]
        if wanted:
            if measure:
                _measure(kind(), out, seed)
            rows += _draw(kind(), wanted, out)
            write_json(rows, out / "paper.json")
    print(f"\n{format_table(rows)}")
    print(f"{time.monotonic() - began:.0f} s. Pictures and paper.json: {out}")
    return rows


def _measure(experiment: Experiment, out: Path, seed: int) -> None:
    """Run one experiment and note the uids of its runs in `out`."""
    print(f"Figure {', '.join(experiment.figures)}: {_headline(experiment)}")
    config = Config(
        simulator=replace(experiment.simulator, seed=seed),
        data_dir=str(out / "data"),
        catalogue=CATALOGUE,
    )
    with open_session(config=config) as session:
        session.RE.subscribe(HopProgress())
        uids = experiment.measure(session)
    stored = {**_stored(out), type(experiment).__name__: uids}
    (out / RUNS_FILE).write_text(json.dumps(stored, indent=2) + "\n")


def _draw(experiment: Experiment, wanted: Sequence[str], out: Path) -> list[Row]:
    """Draw what is wanted of an experiment from its stored runs, and compare it."""
    uids = _stored(out).get(type(experiment).__name__)
    if uids is None:
        raise SeccmError(f"{out} holds no run of figure {', '.join(wanted)}")
    catalogue = SessionCatalogue(DataFolder(out / "data"))
    runs = {name: catalogue[uid] for name, uid in uids.items()}
    for name in wanted:
        experiment.draw(name, runs, out).savefig(out / f"figure_{name}.png")
    return [row for row in experiment.rows(runs) if row.figure in wanted]


def _stored(out: Path) -> dict[str, dict[str, str]]:
    """Read which runs of which experiment lie in `out`."""
    file = out / RUNS_FILE
    return json.loads(file.read_text()) if file.exists() else {}


def _headline(experiment: Experiment) -> str:
    return (experiment.__doc__ or "").splitlines()[0]
