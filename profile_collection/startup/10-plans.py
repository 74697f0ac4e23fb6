"""Plans by name: ours, and Bluesky's own."""

import bluesky.plan_stubs as bps  # noqa: F401
import bluesky.plans as bp  # noqa: F401

from seccm_ophyd.plans import (  # noqa: F401
    approach,
    approach_curves,
    charge_and_remap,
    charge_discharge,
    current_map,
    cyclic_voltammetry,
    estimate,
    galvanostatic_map,
    hop_fly,
    hop_list,
    hop_scan,
    hop_to,
    local_charge,
    local_discharge,
    make_safe,
    potential_map,
    resume_scan,
    scan_rate_series,
    voltammetry_map,
    withdraw,
)
