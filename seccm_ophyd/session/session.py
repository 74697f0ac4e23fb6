"""A session: RunEngine, microscope, journal and catalogue, wired up and taken down."""

import dataclasses
import importlib.metadata
import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from .._upstream.caproto import close_connections, forget_channels
from .._upstream.ophyd import forget_last_callbacks
from ..channel_access import uses_libca
from ..config import Config
from ..processes import start_view
from ..run_engine.shutdown import EndSignals, call_before_exit
from ..storage import (
    LINES,
    HopCounter,
    Journal,
    RunCounter,
    SessionCatalogue,
    SessionLock,
    StorageThread,
    bring_up_to_date,
    claim_name,
    ensure_writer,
    remove_profile,
    write_profile,
)
from .opening import check_files, check_switch, make_data_folder, settle
from .simulator import PrivateSimulator

__all__ = ["Session", "open_session"]

logger = logging.getLogger(__name__)

ABORT_TIMEOUT_S = 30.0

BANNER = """
  SECCM on the {what} {prefix}   data in {folder}

  RE(hop_scan(seccm, CurrentSample(potential_v=0.65), -10, 10, 41, -10, 10, 41))
      map a grid: x from -10 to 10 um in 41 columns, y as well
  RE(potential_map(seccm, -10, 10, 21, -10, 10, 21))     also current_map,
      galvanostatic_map, voltammetry_map
  RE(cyclic_voltammetry(seccm, {{"run": -1, "rule": "brightest"}}))   or (x, y); also
      scan_rate_series, local_charge, charge_discharge, charge_and_remap, hop_list
  print(estimate(potential_map(seccm, -10, 10, 21, -10, 10, 21)))    how long it takes
  RE(hop_to(seccm, 0, 0, potential_v=0.65));  RE(withdraw(seccm))
      land at a point, also with a technique; lift the probe
  %mov seccm.xy.x 3     %wa     RE(bp.count([seccm.clamp]))      as ever in Bluesky
  RE(resume_scan(seccm, -1))    finish the map that was interrupted

  cat[-1], cat[uid], cat.search(plan_name="count")    the stored runs{known}
  hop_map(cat[-1])      topography and current as xarray, in um and pA
  replay(cat[-1], BestEffortCallback())     feed a stored run to any callback
  Ctrl-C                pause after this hop; then RE.resume(), RE.stop(), RE.abort()
  seccm.stop()          stop everything, make the cell safe, withdraw

  In a shell: seccm runs, show -1, view, replay -1, export -1 (each after seccm)
"""


class Session:
    """What `open_session` gives. Close it, or use it as a context manager.

    Attributes
    ----------
    RE : bluesky.RunEngine
        Runs plans; each document is on disk before the plan continues.
    seccm : Microscope
        The instrument.
    catalog : SessionCatalogue
        The stored runs: ``session.catalog[uid]``, ``session.catalog[-1]``.
    folder : DataFolder
        Where everything lies.
    config : Config
        The configuration of the session.
    """

    def __init__(self, config: Config, *, view: bool = False) -> None:
        self.config = config
        check_files(config)
        self.folder = make_data_folder(config)
        self._simulator: PrivateSimulator | None = None
        self._closing = threading.RLock()
        self._lock = SessionLock(self.folder)
        self._lock.acquire()
        try:
            self._open(view)
        except BaseException:
            self.close()
            raise

    def _open(self, view: bool) -> None:
        config, folder = self.config, self.folder
        if not config.prefix:
            log = folder.root / "simulator.log"
            self._simulator = PrivateSimulator(config.simulator, log)
        # bluesky and ophyd load while the simulator starts
        from ..devices import Microscope
        from ..run_engine.engine import SessionEngine
        from ..run_engine.lease import Lease
        from ..run_engine.storing import Storing

        self._lock.tell(self._whereabouts())
        if folder.has_catalogue:
            bring_up_to_date(folder)  # it may have moved
        name = claim_name(folder, config.catalogue)
        if name and folder.has_catalogue:
            write_profile(folder, name)
        elif name:
            remove_profile(name)  # the writer gives it back
        if config.catalogue:
            ensure_writer(folder, name)
        self.catalog = SessionCatalogue(folder, name=name)
        self.RE = SessionEngine(_metadata(config), scan_id_source=RunCounter(folder))
        self.journal = Journal(folder)
        self.RE.subscribe_vital(
            # first: it completes the stop document
            HopCounter(lambda: self.seccm.line.done)
        )
        self._storage = StorageThread()
        self.RE.store_with(
            Storing(
                self.journal,
                self._storage,
                config.storage_wait_s,
                self.journal.recounted,
            )
        )
        if self._simulator is not None:
            self._simulator.wait()
        self.seccm = Microscope(self._whereabouts()["prefix"], name="seccm")
        self.seccm.connect()
        self.seccm.link.begin()
        self.seccm.traces.storage = self._storage
        self.seccm.traces.folder.put(str(folder.traces))
        self.seccm.traces.reserve.put(config.reserve_mb * 1e6)
        self.seccm.find_run = self.catalog.find
        self.RE.keep_safe(self.seccm)
        self._fetch_left()  # before anybody drives: none but the owner could then
        self._lease = Lease(self.seccm)
        self._lease.take(self.RE.loop)
        self.seccm.describe_sample(
            rest_potential_v=config.sample.rest_potential_v,
            least_contact_pa_v=config.sample.least_contact_pa_v,
        )
        self.seccm.forget_heights()
        self._signals = EndSignals(self.abort_and_close)
        call_before_exit(self.close)
        if view:
            start_view(folder.root)

    def _fetch_left(self) -> None:
        """Fetch the hops that a session which was killed has left in the IOC."""
        if not any(self.folder.traces.glob(f"*{LINES}")):
            return
        from .left_hops import fetch_left_hops

        for left in fetch_left_hops(self.folder, self.seccm.prefix):
            if left:
                logger.warning("run %s; type seccm recover after this session", left)

    def _whereabouts(self) -> dict[str, str]:
        """Return the prefix, and where Channel Access finds it."""
        if self._simulator is not None:
            return {
                "prefix": self._simulator.prefix,
                "addresses": f"127.0.0.1:{self._simulator.port}",
            }
        addresses = os.environ.get("EPICS_CA_ADDR_LIST", "")
        return {"prefix": self.config.prefix, "addresses": addresses}

    def banner(self) -> str:
        """Return one screen of text that says what there is and what to type."""
        name = self.catalog.name
        return BANNER.format(
            prefix=self.seccm.prefix,
            what=(self.config.prefix and "instrument") or "simulator",
            sample=self.config.simulator.sample,
            folder=self.folder.root,
            known=f', databroker.catalog["{name}"]' if name else "",
        )

    # -- the end -----------------------------------------------------------------------

    def close(self) -> None:
        """Leave the instrument SAFE, give the lease back, end the simulator.

        The catalogue writer continues in its own process until it has everything.
        Closing twice does nothing.
        """
        with self._closing:
            self._close()

    def abort_and_close(self) -> None:
        """Abort the plan that runs, if one does, and close; from any other thread."""
        if hasattr(self, "RE") and not self.RE.state.is_idle:
            self.RE.context_managers = []  # they are for the main thread only
            threading.Thread(target=self.RE.abort, daemon=True).start()
            deadline = time.monotonic() + ABORT_TIMEOUT_S
            while not self.RE.state.is_idle and time.monotonic() < deadline:
                time.sleep(0.02)
        self.close()

    def _close(self) -> None:
        if hasattr(self, "_signals"):
            self._signals.restore()
        if hasattr(self, "seccm"):
            self._leave_safe()
        if hasattr(self, "RE"):
            self.RE.end_loop()  # and with it the heartbeat
        if hasattr(self, "seccm"):
            self._leave_instrument()
        if hasattr(self, "_storage"):
            self._end_storage()
        if self._simulator is not None:
            self._simulator.end()
            self._simulator = None
        self._lock.release()

    def _end_storage(self) -> None:
        """Close the journal when all documents are in it."""
        self._storage.submit(self.journal.close, always=True)
        self._storage.end()
        if not self._storage.wait(self.config.storage_wait_s):
            logger.critical(
                "the storage has not answered for %g s: the end of the last run is not "
                "in %s; leave this Python running until it answers",
                self.config.storage_wait_s,
                self.folder.journal,
            )

    def _leave_safe(self) -> None:
        try:
            if not self._drives() or not self.seccm.connected:
                return
            if self.seccm.z.state.get() != "WITHDRAWN":
                self.seccm.stop()
        except (TimeoutError, ConnectionError) as error:
            logger.critical("%s may not be safe: %s", self.seccm.prefix, error)

    def _drives(self) -> bool:
        return hasattr(self, "_lease") and self._lease.is_held

    def _leave_instrument(self) -> None:
        seccm = self.seccm
        del self.seccm
        if self._drives():
            self._lease.give_back()
        if self._simulator is not None or not uses_libca():
            # libca does not always find a channel again that was given up and is asked
            # for soon after: there it is kept as long as the IOC
            close_connections(walk.item for walk in seccm.walk_signals())
            seccm.destroy()
        # the next session is not to begin with what this one has heard last
        forget_channels(seccm.prefix)
        forget_last_callbacks()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        what = self.config.prefix or "simulator"
        return f"<Session {what}, data in {self.folder.root}>"


def open_session(
    *,
    simulator: bool | None = None,
    prefix: str | None = None,
    sample: str | None = None,
    seed: int | None = None,
    time_scale: float | None = None,
    electrolyte: str | None = None,
    stage: str | None = None,
    theta: float | Sequence[float] | None = None,
    particle_radius_um: float | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    catalogue: str | None = None,
    reserve_mb: float | None = None,
    view: bool = False,
    config: Config | str | os.PathLike[str] | None = None,
) -> Session:
    """Open a session on a simulator or an instrument.

    Parameters
    ----------
    simulator
        True: start a private simulator. False: use the IOC with `prefix`. None: as
        configured.
    prefix
        Prefix of an IOC that runs already, e.g. ``SECCM:``.
    sample, seed, time_scale, electrolyte, stage, theta, particle_radius_um
        Of the simulator, in the same ranges as in a file; see
        `seccm_ophyd.config.Simulator`. An instrument takes none.
    data_dir
        Folder of the journals, traces and the catalogue; made if missing.
    catalogue
        Name under which databroker finds the catalogue (``seccm``); "" for none: the
        catalogue is not written before a run is asked for.
    reserve_mb
        Free space of the data folder (MB) below which no run begins or continues.
    view
        Open the live view in its own process, where there is a display.
    config
        A `Config`, or a file as for `load_config`.

    Returns
    -------
    Session

    Raises
    ------
    ConfigError
        If the configuration or an argument is refused, before anything starts; the
        message has a line for each, with what was given and what is allowed.
    LockedError
        If another session is open on the same data folder.
    InstrumentLostError
        If PVs do not answer; the message names all of them.

    Examples
    --------
    >>> with open_session(simulator=True, seed=1, data_dir="data") as s:
    ...     s.RE(hop_scan(s.seccm, CurrentSample(), -1, 1, 3, -1, 1, 3))
    """
    check_switch("view", view)
    settled = settle(
        config,
        simulator,
        {
            "prefix": prefix,
            "data_dir": data_dir,
            "catalogue": catalogue,
            "reserve_mb": reserve_mb,
        },
        {
            "sample": sample,
            "seed": seed,
            "time_scale": time_scale,
            "electrolyte": electrolyte,
            "stage": stage,
            "theta": theta,
            "particle_radius_um": particle_radius_um,
        },
    )
    return Session(settled, view=view)


def _metadata(config: Config) -> dict[str, Any]:
    """Metadata of every run of the session."""
    packages = ("seccm-ophyd", "bluesky", "ophyd", "event-model")
    simulated = dataclasses.asdict(config.simulator) if not config.prefix else None
    return {
        "sample": dataclasses.asdict(config.sample),
        "probe": dataclasses.asdict(config.probe),
        "electrolyte": config.probe.electrolyte,
        "environment": dict(config.environment),
        "instrument": config.prefix or "simulator",
        **({"simulator": simulated} if simulated else {}),
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }
