"""The magics of Bluesky, a progress line, and errors in one sentence."""

from bluesky.magics import BlueskyMagics
from IPython import get_ipython

from seccm_ophyd.run_engine.refusals import show_briefly
from seccm_ophyd.views import HopProgress

get_ipython().register_magics(BlueskyMagics)
show_briefly(get_ipython())
session.RE.subscribe(HopProgress())  # noqa: F821  bound by 00-session.py
