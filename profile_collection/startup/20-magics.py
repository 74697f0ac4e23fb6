"""The magics of Bluesky (%mov, %movr, %wa, %ct) and a progress line."""

from bluesky.magics import BlueskyMagics
from IPython import get_ipython

from seccm_ophyd.views import HopProgress

get_ipython().register_magics(BlueskyMagics)
session.RE.subscribe(HopProgress())  # noqa: F821  bound by 00-session.py
