"""Modules that have got another name: the old one works, and says so."""

import importlib
import runpy
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

__all__ = ["moved"]


class _Moved(ModuleType):
    """Stands where a module was; what is asked of it comes from the new place."""

    def __init__(self, name: str, new: Sequence[str]) -> None:
        super().__init__(name, f"Moved to `{'`, `'.join(new)}`.")
        self._new = new
        self.__spec__ = ModuleSpec(name, _Runner(), origin=new[0])
        # runpy warns of modules that are imported before they run, except packages
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked by the import system, not by users
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        modules = [importlib.import_module(new) for new in self._new]
        having = [module for module in modules if hasattr(module, name)] or modules
        public = (m for m in having if name in getattr(m, "__all__", ()))
        found = next(public, having[0])
        warnings.warn(
            f"{self.__name__} is now {found.__name__}: the old name will go",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(found, name)


class _Runner(Loader):
    """Gives what ``python -m`` runs by an old name: the new module, silently.

    A session that is open during an upgrade starts its processes by their old names.
    """

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the code of this file, whose end runs the new module."""
        return SourceFileLoader(__name__, __file__).get_code(__name__)


def moved(package: str, /, **modules: str | tuple[str, ...]) -> None:
    """Keep the old names of modules of a package.

    To be called at the end of the package: a plan that has the old name of its module,
    as ``plans.hop_scan``, stays what it is.

    Parameters
    ----------
    package
        Name of the package.
    **modules
        New name by old name, both within the package; several if the module has been
        divided.

    Examples
    --------
    >>> moved("seccm_ophyd.plans", at_points="points")
    """
    parent = sys.modules[package]
    for old, new in modules.items():
        name = f"{package}.{old}"
        parts = (new,) if isinstance(new, str) else new
        sys.modules[name] = _Moved(name, [f"{package}.{part}" for part in parts])
        if not hasattr(parent, old):
            setattr(parent, old, sys.modules[name])


if __name__ == "__main__":  # see `_Runner`; the specification is that of the old name
    runpy.run_module(str(__spec__.origin), run_name="__main__", alter_sys=True)
