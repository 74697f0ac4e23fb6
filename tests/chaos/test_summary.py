"""What a log of chaos comes to."""

import math

from tests.chaos.report import Report
from tests.chaos.summary import BEGIN, END, PAGE, summary, write_page

REPORTS = [
    Report(
        1, 1, "fly scan", 100, faults=["IOC killed at 40%"], kinds=["IOC killed"],
        ended="lost", simulated_s=1800.0, wall_s=60.0, made=60, stored=50, lost=10,
        to_safe_s=2.5, open_s=3.0, ioc_mb=280.0,
    ),
    Report(
        2, 1, "charge", 1, is_hopping=False, faults=["aborted at 1%"],
        kinds=["aborted"], simulated_s=1800.0, to_safe_s=math.inf,
        violations=["it did not become SAFE"],
    ),
]  # fmt: skip


def test_a_report_is_read_back_from_its_line():
    assert [Report.from_json(report.to_json()) for report in REPORTS] == REPORTS


def test_a_violation_says_how_to_see_it_again():
    text = str(REPORTS[1])
    assert "VIOLATION: it did not become SAFE" in text
    assert "make chaos SEED=2 ONLY=1" in text
    assert "VIOLATION" not in str(REPORTS[0])


def test_faults_are_counted_by_kind():
    text = summary(REPORTS)
    assert "| IOC killed | 1 | 10 | 2.50 | 0 |" in text
    assert "| aborted | 1 | 0 | never | 1 |" in text
    assert "2 scans, 1.0 h simulated (0.5 h of it hopping)" in text
    assert "made 60, stored 50, lost 10" in text
    assert "Violations: 1." in text


def test_the_page_has_its_place_for_it():
    page = write_page(PAGE.read_text(), "new figures")
    assert page.count(BEGIN) == page.count(END) == 1
    assert f"{BEGIN}\nnew figures\n{END}" in page
    assert write_page(page, "new figures") == page
