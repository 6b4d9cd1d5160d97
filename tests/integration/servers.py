"""Real servers for tests: PostgreSQL and Redis from this machine's binaries, on loopback, in folders that go away."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

STARTS_WITHIN = 60.0  # seconds


def missing(what: str, install: str) -> NoReturn:
    """Skips a test that needs a server which is not installed, or fails it where servers are required (CI)."""
    told = f"{what} is not installed; `apt-get install {install}` brings it"
    if os.environ.get("CONCIERGE_TESTS_NEED_SERVERS") == "1":
        pytest.fail(told, pytrace=False)
    pytest.skip(told)


def wait_for(holds: Callable[[], bool], what: str, within: float = STARTS_WITHIN) -> None:
    """Returns as soon as a condition holds; fails the test where it does not in time (seconds)."""
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} within {within:g} s")
        time.sleep(0.02)


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Postgres:
    """A cluster of its own. `url(database)` is how SQLAlchemy reaches a database of it."""

    def __init__(self, folder: Path, binaries: Path, port: int, user: str | None) -> None:
        self._folder = folder
        self._binaries = binaries
        self._port = port
        self._user = user

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+asyncpg://concierge@127.0.0.1:{self._port}/{database}"

    @property
    def _data(self) -> tuple[str, str]:
        return ("-D", str(self._folder / "data"))

    def start(self) -> None:
        options = (
            f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off "
            "-c synchronous_commit=off -c full_page_writes=off"
        )
        self._run("pg_ctl", *self._data, "-w", "-t", "60", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", *self._data, "-w", "-m", "immediate", "stop")

    def initialise(self) -> None:
        self._run("initdb", *self._data, "-U", "concierge", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")

    def create(self, database: str, template: str = "template1") -> str:
        """Makes a database and returns its URL."""
        self._run("createdb", *self._reach, "-T", template, database)
        return self.url(database)

    def drop(self, database: str) -> None:
        self._run("dropdb", *self._reach, "--force", database)

    @property
    def _reach(self) -> tuple[str, ...]:
        return ("-h", "127.0.0.1", "-p", str(self._port), "-U", "concierge", "--maintenance-db=postgres")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._binaries / program), *arguments],
            user=self._user,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would stay open as long as the server runs
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=120,
        )
        if done.returncode != 0:
            log = self._folder / "log"
            pytest.fail(f"{program} failed: {log.read_text() if log.exists() else done.returncode}")


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Runs PostgreSQL while the body runs; skips where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    binary = found[-1] if found else Path(on_path) if on_path else missing("PostgreSQL", "postgresql")
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="concierge-postgres-"))
    try:
        if user is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        server = Postgres(folder, binary.parent, free_port(), user)
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Redis:
    """A server of its own that keeps nothing on disk."""

    def __init__(self, folder: Path, binary: str, port: int) -> None:
        self._folder = folder
        self._binary = binary
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        command = [
            self._binary,
            "--port",
            str(self._port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        self._process = subprocess.Popen(
            command,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: _listens(self._port), "redis-server did not listen")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None


@contextmanager
def redis() -> Iterator[Redis]:
    """Runs Redis while the body runs; skips where it is not installed."""
    binary = shutil.which("redis-server") or missing("Redis", "redis-server")
    with tempfile.TemporaryDirectory(prefix="concierge-redis-") as folder:
        server = Redis(Path(folder), binary, free_port())
        server.start()
        try:
            yield server
        finally:
            server.kill()
