"""Open the session: a simulator, or the instrument that the configuration names."""

from IPython import get_ipython

from seccm_ophyd.config import configuration_file
from seccm_ophyd.session import open_session

session = open_session(
    config=configuration_file(f"{get_ipython().profile_dir.location}/seccm.toml"),
    view=True,
)
RE, seccm, cat = session.RE, session.seccm, session.catalog
z_axis = seccm.z.axis  # so that %wa lists it beside x and y
