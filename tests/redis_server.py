"""A Redis of a test's own, for the queue server."""

import contextlib
import os
import shutil
import socket
import subprocess

import pytest

__all__ = ["free_port", "redis_server"]

REQUIRE = "SECCM_REQUIRE_REDIS"


def free_port():
    """Find a port of loopback that is free."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def redis_server(folder):
    """Run a Redis; gives its process, with its ``port``.

    Where none is installed the test is skipped, or fails if it must not be.
    """
    program = shutil.which("redis-server")
    if program is None:
        said = "no redis-server here (apt-get install redis-server): NOT tested"
        assert REQUIRE not in os.environ, said
        pytest.skip(said)
    port = free_port()
    folder.mkdir()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen(
        [program, *options, "--dir", str(folder), "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
    )
    process.port = port
    try:
        yield process
    finally:
        process.kill()
        process.wait()
