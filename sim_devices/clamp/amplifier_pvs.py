"""The PVs of the clamp amplifier that nothing follows when they are written."""

from ..epics.pvs import array, count, counter, result, setting, status
from .input_pvs import InputPVs

__all__ = ["NO_YES", "AmplifierPVs"]

NO_YES = ("no", "yes")
_MAX_SAMPLES = 20_000


class AmplifierPVs(InputPVs):
    """Settings of an acquisition, state, and results."""

    safe_potential = setting("SafePotential", 0.0, "V", 4, (-2.0, 2.0), "of MakeSafe")
    sample_rate = setting("SampleRate", 200e3, "Hz", 3, (0.01, 5e5), "samples a second")
    samples = count("Samples", 10, (1, _MAX_SAMPLES), "samples of an acquisition")
    settle_time = setting(
        "SettleTime", 0.02, "s", 4, (0.0, 3600.0), "wait before the first sample"
    )
    waveform = array(
        "Waveform",
        [0.0],
        _MAX_SAMPLES,
        "",
        0,
        (-20000.0, 20000.0),
        "V or pA of each sample; one: hold",
    )
    compliance = setting(
        "Compliance", 10.0, "V", 4, (0.1, 10.0), "largest potential in current clamp"
    )
    acquire_done = counter("AcquireDone", "last acquisition that ended")
    state = status("State", ("IDLE", "ACQUIRING"), "what the amplifier does")
    overload = status("Overload", NO_YES, "last acquisition left the range")
    summary = result(
        "Summary",
        10,
        "number, outcome, overload, samples, potential (V), current (pA), "
        "current_sd (pA), charge (pC), start_time (s), contact_age (s)",
    )
    trace_part = result(
        "TracePart",
        3 + 3 * _MAX_SAMPLES,
        "as Trace: what a long acquisition has taken since its last update",
    )
    trace = result(
        "Trace",
        3 + 3 * _MAX_SAMPLES,
        "number, first sample, samples n, n x t (s), n x E (V), n x i (pA)",
    )
