"""Many hops in a row: ``make soak``, with SECCM_SOAK_HOPS hops."""

import numpy as np
import pytest

from benchmarks.soak import asked, soak, table

pytestmark = [pytest.mark.system, pytest.mark.soak, pytest.mark.timeout(7200)]


def test_no_hop_is_lost_and_nothing_grows(tmp_path, capsys):
    hops = asked()
    found = soak(hops, tmp_path / "data")
    with capsys.disabled():
        print(f"\n{table(found)}")
    np.testing.assert_array_equal(found.indices, np.arange(hops))
    # the first tenth of a short soak still warms up: compare with the second
    early, late = (np.median(found.seconds[part]) for part in ([1, 2], [-2, -1]))
    assert late < 1.3 * early + 0.002
    for memory in (found.session_mb, found.ioc_mb):
        grown_mb = memory[-1] - memory[1]
        assert grown_mb < 10 + 0.002 * hops  # 2 kB per hop, and noise
