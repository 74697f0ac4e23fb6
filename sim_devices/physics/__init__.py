"""The physics of the simulator: numpy and numba, SI units, no EPICS.

It reads beside Bard & Faulkner and Newman & Thomas-Alyea. Reading order: `cell` (the
equations of wetted LiFePO4) and `ensemble` (the same in time, on `solver`); `meniscus`
(what lies under a landed pipette); `sample` on `electrode` (what it lands on);
`electronics`, `bessel` and `current_input` (what an amplifier makes of a current);
`approach` (the loop that lowers the probe) and `mechanics` (drift, tilt, piezos).
`textbook` has the classic experiments, which hold the solver to account.
"""

__all__: list[str] = []
