"""Run the simulator: ``python -m seccm_ophyd.sim_devices``, or ``seccm ioc``."""

# first of all: it sets what caproto reads when it is imported
from .epics.server import PortInUseError, serve  # isort: split

import argparse
import asyncio
import atexit
import gc
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from caproto import CaprotoError

from .arguments import MOST_RADIUS_UM, client, number, prefix, whole_number
from .epics.environment import DEFAULT_PORT, served_interfaces, served_port
from .epics.log import counted_log
from .physics.compiled import catch_up, put_off

put_off()  # what follows is compiled while the sample is made

from .ioc import SeccmIOC, open_sample  # noqa: E402
from .physics.mechanics import STAGES  # noqa: E402
from .physics.samples import SAMPLES  # noqa: E402

__all__ = ["main"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seccm ioc",  # the same as python -m seccm_ophyd.sim_devices
        description="Simulated SECCM on EPICS Channel Access.",
    )
    parser.add_argument(
        "--prefix", type=prefix, default="SECCM:", help="prefix of all PVs"
    )
    _add_simulation(parser)
    _add_server(parser)
    return parser


def _add_simulation(parser: argparse.ArgumentParser) -> None:
    """Add what is simulated."""
    parser.add_argument(
        "--sample",
        default="composite",
        help=f"{', '.join(SAMPLES)}, or FILE.npz with height_um (y, x), pixel_size_um",
    )
    parser.add_argument(
        "--seed",
        type=whole_number(0, 2**31 - 1),
        default=0,
        help="seed of sample and noise",
    )
    parser.add_argument(
        "--time-scale",
        type=number(0, 100, "wall s per simulated s"),
        default=1.0,
        help="wall seconds per simulated second; 0: as fast as it computes",
    )
    parser.add_argument("--electrolyte", choices=("LiCl", "KCl"), default="LiCl")
    parser.add_argument(
        "--theta",
        type=number(0, 1, above=True, below=True),
        nargs="+",
        help="mean Li fraction of all LiFePO4, or of one particle after the other",
    )
    parser.add_argument(
        "--particle-radius",
        type=number(0, MOST_RADIUS_UM, "um"),
        metavar="UM",
        help="radius of a secondary particle in the centre of a composite (um); 0: by "
        "chance",
    )
    parser.add_argument(
        "--stage",
        choices=tuple(STAGES),
        default="ideal",
        help="real: drift, tilt, and open-loop piezos with hysteresis and creep",
    )


def _add_server(parser: argparse.ArgumentParser) -> None:
    """Add how it is served."""
    parser.add_argument(
        "--port",
        type=whole_number(1, 65535),
        help="UDP and TCP port of Channel Access (default: EPICS_CAS_SERVER_PORT, "
        f"EPICS_CA_SERVER_PORT, or {DEFAULT_PORT})",
    )
    parser.add_argument(
        "--interfaces",
        nargs="+",
        metavar="ADDRESS",
        help="addresses to serve on (default: EPICS_CAS_INTF_ADDR_LIST, or 127.0.0.1)",
    )
    parser.add_argument(
        "--allow",
        type=client,
        nargs="+",
        default=[],
        metavar="USER@HOST",
        help="clients that may write, by the names they give themselves, or by user "
        "and address; all others may read (default: all may write)",
    )
    parser.add_argument(
        "--hop-log",
        type=Path,
        metavar="FILE",
        help="append what truly happens to a file, a JSON line for each hop",
    )
    parser.add_argument("--list-pvs", action="store_true", help="list the PVs and end")
    parser.add_argument(
        "--die-with-parent",
        action="store_true",
        help="end when the process that started this one has ended",
    )


async def _run(ioc: SeccmIOC, arguments: argparse.Namespace) -> None:
    await ioc.prepare()
    ioc.supervisor.access.allowed = arguments.allow
    where = ", ".join(f"{each}:{arguments.port}" for each in arguments.interfaces)

    def ready() -> None:
        print(f"SECCM simulator ready: {arguments.prefix} on {where}", flush=True)

    await serve(
        ioc.pvdb,
        access=ioc.supervisor.access,
        interfaces=arguments.interfaces,
        port=arguments.port,
        ready=ready,
        die_with_parent=arguments.die_with_parent,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the simulator until SIGTERM or SIGINT.

    Parameters
    ----------
    argv
        Arguments of the command line; those of the process if None.

    Returns
    -------
    int
        Exit code: 0, or 2 when the arguments make no sense or the port is taken.
    """
    arguments = _parser().parse_args(argv)
    try:
        if arguments.port is None:
            arguments.port = served_port()
        arguments.interfaces = arguments.interfaces or served_interfaces()
    except ValueError as error:
        print(f"seccm ioc: {error}", file=sys.stderr)
        return 2
    compiling = threading.Thread(target=catch_up, daemon=True)
    compiling.start()
    try:
        options = {}
        if arguments.theta:
            options["theta"] = arguments.theta
        if arguments.particle_radius:
            options["particle_radius"] = 1e-6 * arguments.particle_radius
        sample = open_sample(
            arguments.sample,
            seed=arguments.seed,
            electrolyte=arguments.electrolyte,
            **options,
        )
        if not arguments.list_pvs:
            compiling.join()  # before its time begins
        ioc = SeccmIOC(
            arguments.prefix,
            sample=sample,
            seed=arguments.seed,
            time_scale=arguments.time_scale,
            stage=arguments.stage,
            hop_log=arguments.hop_log,
        )
        if arguments.list_pvs:
            print("\n".join(ioc.pvdb))
            return 0
        # else the end takes half a second, in which all there is is looked through
        atexit.register(gc.freeze)
        with counted_log():
            asyncio.run(_run(ioc, arguments))
    except (PortInUseError, OSError, ValueError, CaprotoError) as error:
        print(f"seccm ioc: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
