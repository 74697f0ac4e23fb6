"""A simulated SECCM with the PV interface: the reference implementation of it.

Run it with ``seccm ioc`` or ``python -m seccm_ophyd.sim_devices``. Reading order: first
`ioc` (the whole instrument), `stages` (how a probe moves and lands), `clamp` (what is
measured in contact), `instrument` and `parts` (what they may ask of each other),
`epics` (how they are served); then `physics`, which needs none of them.

The folder imports numpy, numba and caproto only: PV names are all that it shares
with the rest of the package.
"""

__all__: list[str] = []
