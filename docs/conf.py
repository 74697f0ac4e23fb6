"""Configuration of the documentation: ``make docs`` builds it."""

import os
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_ext"))
os.environ["COLUMNS"] = "88"  # width of the help of the commands

import seccm_ophyd  # noqa: E402

project = "seccm_ophyd"
author = "the seccm_ophyd contributors"
copyright = author
version = release = seccm_ophyd.__version__

extensions = [
    "sphinx.ext.autodoc",
    "numpydoc",
    "myst_parser",
    "sphinx_design",
    "api",  # public names of a package, components of a device
    "commands",  # the help of the commands
    "decisions",  # the index of the decisions
    "formulas",  # formulas as MathML: no script and no network is needed to read them
]

exclude_patterns = ["_build", "_ext"]
nitpicky = True
# What others have written is documented by them: without a network there are no
# inventories of names to link to.
nitpick_ignore_regex = [
    (r"py:.*", r"(collections|contextlib|datetime|os|pathlib)\..*"),
    (r"py:.*", r"(subprocess|threading|types|typing)\..*"),
    (r"py:.*", r"(bluesky|databroker|event_model|h5py|matplotlib|numpy|ophyd)\..*"),
    (r"py:.*", r"(pandas|tiled|xarray)\..*"),
]

# -- Markdown ------------------------------------------------------------------------

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

# -- docstrings ----------------------------------------------------------------------

default_role = "name"  # of the extension `api`: a link where the name is documented
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
add_module_names = False
toc_object_entries_show_parents = "hide"

# -- pages ---------------------------------------------------------------------------

html_theme = "furo"
html_title = "seccm_ophyd"
html_static_path = ["_static"]
html_css_files = ["seccm.css"]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
pygments_style = "friendly"
pygments_dark_style = "monokai"
