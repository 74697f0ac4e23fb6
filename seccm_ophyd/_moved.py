"""Modules that have got another name: the old one works, and says so."""

import importlib
import sys
import warnings
from types import ModuleType
from typing import Any

__all__ = ["moved"]


class _Moved(ModuleType):
    """Stands where a module was; what is asked of it comes from the new place."""

    def __init__(self, name: str, new: str) -> None:
        super().__init__(name, f"Moved to `{new}`.")
        self._new = new

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked by the import system, not by users
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        warnings.warn(
            f"{self.__name__} is now {self._new}: the old name will go",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(importlib.import_module(self._new), name)


def moved(package: str, /, **modules: str) -> None:
    """Keep the old names of modules of a package.

    To be called at the end of the package: a plan that has the old name of its module,
    as ``plans.hop_scan``, stays what it is.

    Parameters
    ----------
    package
        Name of the package.
    **modules
        New name by old name, both within the package.

    Examples
    --------
    >>> moved("seccm_ophyd.plans", at_points="points")
    """
    parent = sys.modules[package]
    for old, new in modules.items():
        name = f"{package}.{old}"
        sys.modules[name] = _Moved(name, f"{package}.{new}")
        if not hasattr(parent, old):
            setattr(parent, old, sys.modules[name])
