"""Pages of a line: as many hops as come in half a second."""

import pytest

from seccm_ophyd.devices.page_size import PageSize

HOP = 16_000


def pages(size, bytes_s, count=6):
    """Take some pages over a network; return how many hops each had."""
    hops = []
    for _ in range(count):
        hops.append(size.hops(HOP))
        size.note(hops[-1] * HOP, hops[-1] * HOP / bytes_s)
    return hops


@pytest.mark.fault(56)
@pytest.mark.parametrize(
    ("bytes_s", "hops"),
    [
        (1e9, [1, 9, 9, 9, 9, 9]),
        (200e3, [1, 6, 6, 6, 6, 6]),
        (50e3, [1, 1, 1, 1, 1, 1]),
        (100.0, [1, 1, 1, 1, 1, 1]),
    ],
)
def test_pages_grow_to_what_comes_in_half_a_second(bytes_s, hops):
    assert pages(PageSize(), bytes_s) == hops


@pytest.mark.fault(56)
def test_a_network_that_becomes_narrow_is_noticed_with_the_next_page():
    size = PageSize()
    pages(size, 1e9)
    assert pages(size, 100e3, 3) == [9, 3, 3]
    assert size.expected_s(3 * HOP) == pytest.approx(0.48)
