"""A simulated SECCM behind the PV interface: the reference implementation of it.

Run it with ``seccm ioc`` or ``python -m seccm_ophyd.sim_devices``. Reading order: first
`ioc` (the whole instrument), `z_stage` and `approach` (how a probe lands), `amplifier`
(what is measured in contact), then the physics: `sample`, `contact`, `cell`,
`electronics`.

The folder imports numpy and caproto only: PV names are all that it shares with the rest
of the package.
"""

__all__: list[str] = []
