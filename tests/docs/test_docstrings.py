"""The examples in docstrings: they run, and what they show is what comes.

Those of plans run on a microscope without an IOC. An example that cannot run has
``# doctest: +SKIP``; why, is said in the line before it.
"""

import doctest
import importlib
import pkgutil

import pytest

import seccm_ophyd

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules():
    """Name the modules that have examples."""
    found = []
    for info in pkgutil.walk_packages(seccm_ophyd.__path__, "seccm_ophyd."):
        if info.name.endswith("__main__"):
            continue
        found.append(info.name)
    return found


def test_x():
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in modules():
        module = importlib.import_module(name)
        for test in finder.find(module, name):
            if test.examples:
                print(test.name, [e.source.strip()[:60]+(" SKIP" if doctest.SKIP in e.options else "") for e in test.examples])
