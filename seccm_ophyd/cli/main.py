"""The ``seccm`` command."""

import argparse
import contextlib
import io
import logging
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from ..errors import SeccmError
from ..terminal import clean, clean_lines, cleaned_record
from .parser import make_parser

__all__ = ["main"]

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv
        Arguments after ``seccm``; None: those of the process.

    Returns
    -------
    int
        Exit code: 0, 1 with a message on stderr, or 2 for wrong usage.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(format="%(levelname)s: %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(cleaned_record)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # in order with stderr, and prompt
    if arguments[:1] == ["ioc"]:  # its options are the simulator's own
        from ..sim_devices.__main__ import main as ioc

        return ioc(arguments[1:]) or 0
    parsed = make_parser(FUNCTIONS).parse_args(arguments)
    try:
        return parsed.function(parsed) or 0
    except BrokenPipeError:  # `seccm runs | head -1` has read enough
        with contextlib.suppress(OSError, ValueError):  # no message at the end either
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (SeccmError, LookupError, OSError, ValueError) as error:
        _print(f"seccm {parsed.command}: {_sentence(error)}", file=sys.stderr)
        return 1


def _print(text: str, file: TextIO | None = None) -> None:
    """Print what may hold text of others."""
    print(clean_lines(text), file=file)


def _sentence(error: Exception) -> str:
    """Return what an error says, without what Python puts around it."""
    if isinstance(error, LookupError) and error.args:
        return str(error.args[0])
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}"
    return str(error)


def _demo(arguments: argparse.Namespace) -> int:
    from .demo import demo

    return demo(_data(arguments), points=arguments.points, seed=arguments.seed)


def _paper(arguments: argparse.Namespace) -> int:
    from ..paper import FIGURES, reproduce

    chosen = arguments.figure or FIGURES
    rows = reproduce(
        arguments.out,
        figures=chosen,
        seed=arguments.seed,
        measure=not arguments.stored,
    )
    return 0 if all(row.ok for row in rows) else 1


def _runs(arguments: argparse.Namespace) -> None:
    from ..analysis import list_runs

    _print(list_runs(_folder(arguments).journal, limit=arguments.limit))


def _show(arguments: argparse.Namespace) -> None:
    from ..analysis import describe_run

    run = _run(arguments)
    _print(describe_run(run))
    try:
        _draw(run, arguments, speed=None)
    except (TypeError, AttributeError, KeyError) as error:
        logger.debug("the run cannot be drawn", exc_info=True)
        raise SeccmError(
            f"the run cannot be drawn, its documents have an unknown form ({error}): "
            "seccm export writes its hops as a table"
        ) from error


def _replay(arguments: argparse.Namespace) -> None:
    _draw(_run(arguments), arguments, speed=arguments.speed)


def _view(arguments: argparse.Namespace) -> None:
    if not (arguments.save or _has_display()):
        raise SeccmError(
            "there is no display: give --save FILE to draw into a file, e.g. --save "
            "map.png"
        )
    from ..views.live import view

    if not arguments.once:
        os.nice(10)  # the scan goes first
    with contextlib.suppress(KeyboardInterrupt):
        view(
            _folder(arguments).journal,
            arguments.run,
            arguments.save,
            once=arguments.once,
            levelling=arguments.level,
        )


def _draw(run: Any, arguments: argparse.Namespace, speed: float | None) -> None:
    """Draw a run into a window, or a file where there is none; None: at once."""
    from ..analysis import start_and_stop
    from ..analysis.resumed import find_beside
    from ..replay import replay
    from ..schema import TECHNIQUES
    from ..views import HopMapView, SeriesView

    start, _ = start_and_stop(run)
    kind: Any = SeriesView
    options: dict[str, Any] = {}
    found: dict[str, Any] = {}
    if TECHNIQUES in start:
        kind, options = HopMapView, {"levelling": arguments.level}
        found = {"find_run": partial(find_beside, run)}
    save = arguments.save
    if save or not _has_display():
        if speed is None:
            view = kind.from_run(run, **options)  # knows an interrupted run
        else:
            view = kind(**options, **found)
            replay(run, view, speed=speed)
        path = view.save(save or Path(f"{start['uid'][:8]}.png"))
        _print(f"{'picture':<11} {path}")
        return
    from ..views.window import Window

    window = Window(partial(kind, **options, **found))
    replay(run, window.view, speed=speed, sleep=window.wait)
    window.hold()


def _export(arguments: argparse.Namespace) -> None:
    from ..analysis import export_csv

    _print(f"{'table':<11} {export_csv(_run(arguments), arguments.csv)}")


def _verify(arguments: argparse.Namespace) -> int:
    from .verify import verify_runs

    return verify_runs(_folder(arguments), arguments.run, as_json=arguments.json)


def _recover(arguments: argparse.Namespace) -> int:
    from ..session.left_hops import fetch_left_hops
    from ..storage.journal.index import journal_of
    from ..storage.recover import recover

    folder = _folder(arguments)
    again = [] if arguments.run is None else [journal_of(folder, arguments.run).uid]
    results = recover(folder, fetch=fetch_left_hops, again=again)
    for result in results:
        kind = "interrupted, now in" if result.interrupted else "now in"
        kind = "already in" if result.known else kind
        state = f"NOT in the catalogue: {result.error}" if result.error else kind
        if not result.error:
            state += " the catalogue"
        if result.rebuilt:
            state += f": written again, {result.rebuilt}"
        if result.damage:
            state += f"; its journal: {result.damage}"
        if result.left and not result.error:
            state += f"; {result.left}"
        hops = result.num_events.get("primary", 0)
        _print(f"{result.uid[:8]}  {hops} hops  {state}")
    if not results:
        print("nothing to recover: the catalogue has every run as its journal")
    return int(any(result.error for result in results))


def _safe(arguments: argparse.Namespace) -> None:
    from .operate import Instrument, find_instrument, session_folder

    data = session_folder(arguments.data)
    with Instrument(*find_instrument(arguments.prefix, data)) as instrument:
        _print_table(instrument.situation())
        instrument.make_safe(arguments.timeout)
        after = instrument.situation()
        print(f"{'now':<11} SAFE: probe {after['probe']}, cell {after['cell']}")


def _status(arguments: argparse.Namespace) -> None:
    from ..analysis import list_runs
    from ..storage.data_folder import DataFolder
    from .operate import Instrument, find_instrument, session_folder

    data = session_folder(arguments.data)
    folder = DataFolder(data)
    listed = list_runs(folder.journal, limit=1) if folder.journal.is_dir() else ""
    newest = listed.splitlines()[1:]  # below the heads of the columns
    _print(f"{'last run':<11} {newest[0].strip() if newest else 'none'}")
    with Instrument(*find_instrument(arguments.prefix, data)) as instrument:
        _print_table(instrument.situation())


def _print_table(rows: dict[str, str]) -> None:
    for name, value in rows.items():
        _print(f"{name:<11} {clean(value)}")


def _data(arguments: argparse.Namespace) -> Path:
    """Return the data folder that is meant."""
    from ..config import data_folder

    data: Path = data_folder() if arguments.data is None else arguments.data
    return data


def _folder(arguments: argparse.Namespace) -> Any:
    from ..storage.data_folder import DataFolder

    folder = DataFolder(_data(arguments))
    if not folder.journal.is_dir():
        raise SeccmError(f"{folder.root} is no data folder: name one with --data")
    return folder


def _run(arguments: argparse.Namespace) -> Any:
    """Take a run from the catalogue, or from its journal while that has more."""
    from ..storage.catalogue.session_catalogue import SessionCatalogue

    return SessionCatalogue(_folder(arguments)).find(arguments.run)


def _has_display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


FUNCTIONS = {
    "demo": _demo,
    "runs": _runs,
    "show": _show,
    "replay": _replay,
    "view": _view,
    "paper": _paper,
    "export": _export,
    "recover": _recover,
    "verify": _verify,
    "safe": _safe,
    "status": _status,
}
