"""Numerics behind `cell`: diffusion in a crystallite, kinetics, time steps."""
