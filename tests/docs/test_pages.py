"""Every code block of README and docs runs, and what a page shows is what comes."""

import shutil
from pathlib import Path

import pytest
import yaml

from seccm_ophyd.channel_access import free_simulator_port
from seccm_ophyd.session import open_session
from tests.redis_server import free_port, redis_server

from .pages import ROOT, Page, pages

STARTUP = ROOT / "profile_collection" / "startup"
QUEUE_SERVER = "docs/how-to/queue_server.md"
SESSION = "<!-- session -->"


@pytest.fixture
def session(tmp_path):
    """Open the session in which a page runs that expects one."""
    with open_session(
        simulator=True, seed=1, time_scale=0, data_dir=tmp_path / "data"
    ) as opened:
        yield opened


def names_in_ipython(session):
    """Give the names that the startup files of the profile bind."""
    names = {"session": session}
    names |= {"RE": session.RE, "seccm": session.seccm, "cat": session.catalog}
    for file in ("10-plans.py", "15-techniques.py"):
        exec((STARTUP / file).read_text(), names)
    return names


def parameters():
    for name in pages():
        text = (ROOT / name).read_text()
        marks = [pytest.mark.slow, pytest.mark.timeout(600)]
        marks += [pytest.mark.system] if SESSION in text else []
        yield pytest.param(name, id=name, marks=marks)


@pytest.fixture
def queue_server(tmp_path):
    """Give what the queue server needs: Redis, ports, and the profile."""
    shutil.copytree(STARTUP.parent, tmp_path / "profile_collection")
    control, info = (f"tcp://127.0.0.1:{free_port()}" for _ in range(2))
    with redis_server(tmp_path / "redis") as redis:
        network = {"redis_addr": f"127.0.0.1:{redis.port}", "zmq_info_addr": info}
        settings = tmp_path / "queue.yml"
        settings.write_text(yaml.safe_dump({"network": network}))
        yield {
            "QSERVER_CONFIG": str(settings),
            "QSERVER_ZMQ_CONTROL_ADDRESS_FOR_SERVER": control,
            "QSERVER_ZMQ_CONTROL_ADDRESS": control,
            "IPYTHONDIR": str(tmp_path / "ipython"),
        }


@pytest.mark.parametrize("name", list(parameters()))
def test_the_code_of_a_page_runs(name, request, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    more = request.getfixturevalue("queue_server") if name == QUEUE_SERVER else {}
    (tmp_path / "figures").mkdir()
    names = {}
    if SESSION in (ROOT / name).read_text():
        names = names_in_ipython(request.getfixturevalue("session"))
    port = free_simulator_port()
    environment = {
        "SECCM_DATA": str(tmp_path / "data"),
        "EPICS_CAS_SERVER_PORT": str(port),
        "EPICS_CA_ADDR_LIST": f"127.0.0.1:{port}",
        "PYTHONPATH": str(ROOT),
        **more,
    }
    Page(name, tmp_path, names, environment).run()


@pytest.fixture
def page(tmp_path):
    """Make a page of a text."""

    def write(text):
        file = tmp_path / "page.md"
        file.write_text(text)
        return Page(str(file), tmp_path, {}, {})

    return write


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("```python\n1 / 0\n```\n", ZeroDivisionError),
        ("```bash\nfalse\n```\n", AssertionError),
        ("```python\n1 + 1\n```\n\n```text\n3\n```\n", AssertionError),
        ("```python\n1 + 1\n```\n\nwords\n\n```text\n2\n```\n", ValueError),
        ("```toml\na = 1\n```\n", ValueError),
    ],
)
def test_a_page_that_is_wrong_fails(page, text, error):
    with pytest.raises(error):
        page(text).run()


def test_a_page_that_is_right_passes(page, tmp_path):
    page(
        '<!-- skip: next "not here" -->\n```bash\nfalse\n```\n'
        "```{code-block} python\n:caption: three.py\nTHREE = 3\n```\n"
        "```bash\nls three.py\n```\n\n```text\nthree.py\n```\n"
        "```python\nprint('a', 1.25)\n1 + 1\n```\n```text\na 1...\n2\n```\n"
        "```\nno code\n```\n"
    ).run()
    assert Path(tmp_path / "three.py").read_text() == "THREE = 3\n"
