"""The commands of ``seccm`` and their options."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .. import __version__
from ..files import folder_name, new_file, picture
from ..sim_devices.arguments import number, prefix, whole_number

__all__ = ["make_parser"]

LEVELLINGS = ("facet", "plane", "rows", "none")
RUN = "uid or its beginning, scan number, or -1 for the newest"
_seed = whole_number(0, 2**31 - 1)


def make_parser(
    functions: Mapping[str, Callable[[argparse.Namespace], int | None]],
) -> argparse.ArgumentParser:
    """Make the parser of the command line.

    Parameters
    ----------
    functions
        What a command does, by its name: ``function`` of the parsed arguments.
    """
    parser = argparse.ArgumentParser(
        prog="seccm",
        description="Scanning electrochemical cell microscopy with Bluesky and EPICS.",
    )
    parser.add_argument(
        "--version", action="version", version=f"seccm_ophyd {__version__}"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("ioc", help="the simulator as an IOC; see seccm ioc --help")
    _add_demo(commands)
    _add_views(commands)
    _add_paper(commands)
    _add_files(commands)
    _add_instrument(commands)
    for name, function in functions.items():
        commands.choices[name].set_defaults(function=function)
    # argparse takes "-1" for an option unless no option looks like a number: none does
    return parser


def _add(commands: Any, name: str, text: str, *, run: bool = False) -> Any:
    """Add a command that reads or writes a data folder."""
    command = commands.add_parser(name, help=text, description=text)
    if run:
        command.add_argument("run", help=RUN)
    command.add_argument(
        "--data",
        type=folder_name,
        help="data folder (default: $SECCM_DATA, else data_dir of seccm.toml)",
    )
    return command


def _add_levelling(command: Any) -> None:
    command.add_argument(
        "--level",
        choices=LEVELLINGS,
        default="facet",
        help="how the topography is levelled (default: facet, by the slope of most "
        "of the surface)",
    )


def _add_demo(commands: Any) -> None:
    demo = _add(commands, "demo", "a hopping scan on the simulator, stored and drawn")
    demo.add_argument(
        "--points",
        type=whole_number(2, 300),
        default=41,
        help="hops along x and along y, 2 to 300",
    )
    demo.add_argument("--seed", type=_seed, default=1, help="seed of sample and noise")


def _add_views(commands: Any) -> None:
    """Add what lists and draws runs."""
    runs = _add(commands, "runs", "list the stored runs, newest first")
    runs.add_argument(
        "--limit",
        type=whole_number(1, 1_000_000),
        default=20,
        help="the maximum number (default: 20)",
    )
    show = _add(commands, "show", "describe a stored run and draw it", run=True)
    show.add_argument(
        "--save", type=picture, help="picture file (default: open a window)"
    )
    _add_levelling(show)
    replay = _add(commands, "replay", "draw a stored run again as it came", run=True)
    replay.add_argument(
        "--speed",
        type=number(0, 1e6, above=True),
        default=1.0,
        help="times recorded time (default: 1)",
    )
    replay.add_argument("--save", type=picture, help="picture of its end, no window")
    _add_levelling(replay)
    view = _add(
        commands, "view", "live maps of the scan that runs, or comes, or was last"
    )
    view.add_argument("--run", help=f"{RUN} (default: the newest run of hops)")
    view.add_argument(
        "--save", type=picture, help="keep a picture up to date, no window"
    )
    view.add_argument("--once", action="store_true", help="draw what there is now")
    _add_levelling(view)


def _add_paper(commands: Any) -> None:
    paper = commands.add_parser(
        "paper", help="run, draw and compare the figures of Takahashi et al. (2014)"
    )
    paper.add_argument(
        "--figure", action="append", help="only this figure, e.g. 2a; may be repeated"
    )
    paper.add_argument(
        "--seed", type=_seed, default=0, help="seed of samples and noise"
    )
    paper.add_argument(
        "--out", type=folder_name, default=Path("paper"), help="folder (default: paper)"
    )
    paper.add_argument(
        "--stored", action="store_true", help="draw the runs that OUT holds already"
    )


def _add_files(commands: Any) -> None:
    """Add what reads and mends the files of runs."""
    export = _add(commands, "export", "write the hops of a run as a table", run=True)
    export.add_argument(
        "--csv", type=new_file, metavar="FILE", help="file (default: <uid>.csv, here)"
    )
    recover = _add(commands, "recover", "put runs into the catalogue after a crash")
    recover.add_argument(
        "run", nargs="?", help=f"written again in any case: {RUN} (default: none)"
    )
    verify = _add(commands, "verify", "check journals, traces and the catalogue")
    verify.add_argument(
        "run", nargs="?", help=f"{RUN}; each value is compared (default: all runs)"
    )
    verify.add_argument("--json", action="store_true", help="print JSON")


def _add_instrument(commands: Any) -> None:
    """Add what asks the instrument itself."""
    safe = _add(
        commands, "safe", "stop everything, cell to its safe potential, withdraw"
    )
    safe.add_argument(
        "--timeout",
        type=number(0, 600, "s", above=True),
        default=4.0,
        help="longest wait (s; default: 4)",
    )
    status = _add(commands, "status", "who drives, probe, cell, trip, the last run")
    for command in (safe, status):
        command.add_argument(
            "--prefix",
            type=prefix,
            help="of the instrument (default: that of the session open on the data "
            "folder, else of seccm.toml)",
        )
