"""Each fault has a test that injects it, and the page says which."""

import pytest

from tests.faults import page
from tests.faults.catalogue import FAULTS


@pytest.mark.parametrize("number", FAULTS)
def test_each_fault_is_injected_by_a_test(number):
    assert page.tests_by_fault(page.TESTS).get(number), FAULTS[number].name


def test_no_test_injects_a_fault_that_is_not_told():
    assert set(page.tests_by_fault(page.TESTS)) <= set(FAULTS)


def test_the_page_is_up_to_date():
    assert page.PAGE.read_text() == page.write_page(page.TESTS), (
        "python -m tests.faults.page"
    )
