"""The motion of the simulated instrument: motors, XY, Z and its approach."""
