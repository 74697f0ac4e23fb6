"""Numerics of `cell`: diffusion in a crystallite, kinetics, time steps."""
