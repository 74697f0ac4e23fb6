"""``seccm paper``: every figure of the paper, measured, stored, drawn and compared."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..config import Config
from ..errors import SeccmError
from ..session import open_session
from ..views import HopProgress
from .experiment import Experiment
from .galvanostatic import GalvanostaticMap
from .maps import ActivityMap, BothDirections, NanoparticleMap, SameArea
from .points import ApproachCurves, ChargeDischarge, Control, ScanRates
from .potentials import ChargeAndRemap, PotentialMap
from .table import Row, format_table, write_json

__all__ = ["EXPERIMENTS", "FIGURES", "reproduce"]

CATALOGUE = "seccm_paper"

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
    out: Path, *, figures: Sequence[str] = FIGURES, seed: int = 0
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

    Returns
    -------
    list of Row
        What was compared.

    Raises
    ------
    SeccmError
        If there is no such figure.
    """
    unknown = sorted(set(figures) - set(FIGURES))
    if unknown:
        raise SeccmError(
            f"figure {', '.join(unknown)} is not among {', '.join(FIGURES)}"
        )
    out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    began = time.monotonic()
    for kind in EXPERIMENTS:
        wanted = [name for name in kind.figures if name in figures]
        if wanted:
            rows += _one(kind(), wanted, out, seed)
            write_json(rows, out / "paper.json")
    print(f"\n{format_table(rows)}")
    print(f"{time.monotonic() - began:.0f} s. Pictures and paper.json: {out}")
    return rows


def _one(
    experiment: Experiment, wanted: Sequence[str], out: Path, seed: int
) -> list[Row]:
    """Run one experiment, draw what is wanted of it, and compare that."""
    print(f"Figure {', '.join(wanted)}: {(experiment.__doc__ or '').splitlines()[0]}")
    config = Config(
        simulator=replace(experiment.simulator, seed=seed),
        data_dir=str(out / "data"),
        catalogue=CATALOGUE,
    )
    with open_session(config=config) as session:
        session.RE.subscribe(HopProgress())
        uids = experiment.measure(session)
        runs = {name: session.catalog[uid] for name, uid in uids.items()}
        for name in wanted:
            experiment.draw(name, runs, out).savefig(out / f"figure_{name}.png")
        return [row for row in experiment.rows(runs) if row.figure in wanted]
