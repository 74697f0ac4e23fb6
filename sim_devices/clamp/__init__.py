"""The simulated clamp amplifier: modes, acquisitions, the cell in between."""
