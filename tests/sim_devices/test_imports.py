"""Who imports whom in the simulator, imports for type checking included."""

import sys

import pytest

grimp = pytest.importorskip("grimp")  # comes with import-linter

SIMULATOR = "seccm_ophyd.sim_devices"
PHYSICS = f"{SIMULATOR}.physics"


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph(
        "seccm_ophyd", include_external_packages=True, cache_dir=None
    )


def imports(graph, package):
    """What each module of a package imports."""
    return {
        module: graph.find_modules_directly_imported_by(module)
        for module in graph.modules
        if module == package or module.startswith(f"{package}.")
    }


def test_physics_is_numpy_and_numba(graph):
    outside = {
        imported.partition(".")[0]
        for names in imports(graph, PHYSICS).values()
        for imported in names
        if not imported.startswith(PHYSICS)
    }
    assert outside - sys.stdlib_module_names <= {"numpy", "numba"}
    assert not outside & {"asyncio", "socket", "threading"}


def test_machine_code_is_in_the_physics_alone(graph):
    """What is kept of it is named by a digest of the modules in this folder only."""
    users = graph.find_modules_that_directly_import(f"{PHYSICS}.compiled")
    outside = {user for user in users if not user.startswith(PHYSICS)}
    assert outside == {f"{SIMULATOR}.__main__"}
