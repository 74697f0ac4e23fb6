"""No module knows itself by way of others, imports for types included."""

from graphlib import TopologicalSorter

import pytest

grimp = pytest.importorskip("grimp")  # comes with import-linter


def test_no_module_knows_itself_by_way_of_others():
    graph = grimp.build_graph("seccm_ophyd", cache_dir=None)
    imports = {m: graph.find_modules_directly_imported_by(m) for m in graph.modules}
    TopologicalSorter(imports).prepare()  # raises CycleError
