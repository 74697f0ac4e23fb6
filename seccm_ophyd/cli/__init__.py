"""The ``seccm`` command."""

from .main import main as main
