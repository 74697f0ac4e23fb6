"""The site builds without a warning, its links lead somewhere, nothing is missing."""

import importlib
import importlib.util
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from .pages import ROOT

REQUIRE = "SECCM_REQUIRE_DOCS"
DECISIONS = ROOT / "docs" / "explanations" / "decisions"
NEEDED = ("sphinx", "furo", "myst_parser", "numpydoc", "sphinx_design")
TWO_CLICKS = ("how-to/write_a_technique.html", "reference/pv_interface.html")


class Links(HTMLParser):
    """Collects where a page leads, and which places it has."""

    def __init__(self, page):
        super().__init__()
        self.links, self.places = set(), set()
        self.feed(page.read_text())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.places |= {given[key] for key in ("id", "name") if given.get(key)}
        for key in ("href", "src"):
            if given.get(key):
                self.links.add(given[key])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site as ``make docs`` does, without making its pictures again."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        said = f"no {', '.join(missing)} here (pip install .[docs]): NOT tested"
        assert REQUIRE not in os.environ, said
        pytest.skip(said)
    out = tmp_path_factory.mktemp("site") / "html"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "--builder", "html", "--nitpicky"),
            *("--fail-on-warning", "--keep-going", "--quiet"),
            *(str(ROOT / "docs"), str(out)),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": ""},
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return out


@pytest.fixture(scope="module")
def pages(site):
    """Parse every page, by its path."""
    return {page: Links(page) for page in sorted(site.rglob("*.html"))}


pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_every_link_inside_the_site_leads_to_a_place(site, pages):
    broken = []
    for page, parsed in pages.items():
        for link in parsed.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = page if not parts.path else page.parent / unquote(parts.path)
            target = target.resolve()
            if not target.is_file():
                broken.append(f"{page.relative_to(site)}: {link}")
            elif parts.fragment and target in pages:
                if unquote(parts.fragment) not in pages[target].places:
                    broken.append(f"{page.relative_to(site)}: {link}")
    assert broken == []


def test_nothing_is_loaded_from_the_network(pages):
    for page in pages:
        loaded = re.findall(
            r'<(?:script|link|img)[^>]*"(?:https?:)?//', page.read_text()
        )
        assert loaded == [], page


def test_every_public_name_is_documented(site, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))
    public = importlib.import_module("api").PUBLIC_MODULES
    listed = set(documented(site))
    missing = [
        path
        for module in public
        for name in importlib.import_module(f"seccm_ophyd.{module}").__all__
        if (path := f"seccm_ophyd.{module}.{name}") not in listed
    ]
    assert missing == []


def documented(site):
    """List what can be linked to, as Sphinx does for other sites."""
    import zlib

    data = (site / "objects.inv").read_bytes()
    text = zlib.decompress(data.split(b"\n", 4)[4]).decode()
    return [line.split(" ")[0] for line in text.splitlines()]


def test_every_package_that_has_public_names_is_on_the_list(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))
    public = importlib.import_module("api").PUBLIC_MODULES
    folders = {p.parent.name for p in (ROOT / "seccm_ophyd").glob("[a-z]*/__init__.py")}
    names = {name for name in folders if getattr(_package(name), "__all__", [])}
    assert names <= set(public) | {"run_engine"}


def _package(name):
    return importlib.import_module(f"seccm_ophyd.{name}")


def test_every_command_has_its_help_on_the_page(site):
    page = (site / "reference" / "command_line.html").read_text()
    shown = subprocess.run(
        [sys.executable, "-m", "seccm_ophyd.cli", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ).stdout
    commands = re.findall(r"^    ([a-z]+)  ", shown, re.MULTILINE)
    assert len(commands) > 10
    for command in commands:
        assert f"usage: seccm {command} " in page, command


def test_every_decision_has_its_status_and_date_in_the_index(site):
    index = (site / "explanations" / "decisions" / "index.html").read_text()
    for path in DECISIONS.glob("[0-9]*.md"):
        assert f'href="{path.stem}.html"' in index
    assert index.count("Accepted") >= 26


def test_what_most_look_for_is_two_clicks_away(site):
    landing = Links(site / "index.html")
    for page in TWO_CLICKS:
        assert page in landing.links


def test_every_page_is_in_a_menu(site):
    """A page that no table of contents has would be a warning; here for orphans."""
    for path in (ROOT / "docs").rglob("*.md"):
        if "_build" not in path.parts:
            assert "orphan: true" not in Path(path).read_text(), path
