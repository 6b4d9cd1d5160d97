"""A person at a terminal: a command on a pseudo-terminal of its own, what it shows, and what is typed there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from commands import CONCIERGE, surroundings

ROWS, COLUMNS = 50, 120
SHOWN_WITHIN = 120.0  # seconds, on a machine that is busy with other tests
PRESSED_AGAIN = 3.0  # seconds without an effect, after which a person presses a key again
_OBEYED = re.compile(r"\x1b\][^\x07]*\x07|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]")


class Screen:
    """A terminal in which a command runs. `shown` is everything so far: plain words, single blanks."""

    def __init__(self, *arguments: str | Path, home: Path, **more: str) -> None:
        self._terminal, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        environment = surroundings(home, TERM="xterm", PROMPT_TOOLKIT_NO_CPR="1", **more)
        self._process = subprocess.Popen(
            [CONCIERGE, *map(str, arguments)],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            cwd=home,
            env=environment,
            start_new_session=True,
        )
        os.close(inside)
        self._heard = b""
        self._from = 0

    @property
    def shown(self) -> str:
        return " ".join(_OBEYED.sub("", self._heard.decode("utf-8", "replace")).split())

    def sees(self, words: str) -> str:
        """Waits until the words appear after those seen before; returns all that was shown in between."""
        deadline = time.monotonic() + SHOWN_WITHIN
        while (at := self.shown.find(words, self._from)) < 0:
            if not self._listen(deadline):
                pytest.fail(f"{words!r} was not shown. Since the last: {self.shown[self._from :]}")
        passed = self.shown[self._from : at]
        self._from = at + len(words)
        return passed

    def types(self, line: str) -> None:
        """Types a line and the return key."""
        os.write(self._terminal, line.encode() + b"\r")

    def presses(self, key: str) -> None:
        """Presses one key."""
        with contextlib.suppress(OSError):  # the command has ended: nobody is there to hear it
            os.write(self._terminal, key.encode())

    def leaves(self) -> int:
        """Presses Ctrl-D until the command ends, and returns its exit status.

        While something is printed above the prompt the terminal is nobody's for a moment, and a key that is pressed
        just then is lost: a person presses it again.
        """
        deadline = time.monotonic() + SHOWN_WITHIN
        while time.monotonic() < deadline and self._process.poll() is None:
            self.presses("\x04")
            again = min(deadline, time.monotonic() + PRESSED_AGAIN)
            while self._listen(again):
                pass
        return self._process.wait(max(0.1, deadline - time.monotonic()))

    def ends(self) -> int:
        """Waits until the command has ended by itself, and returns its exit status."""
        deadline = time.monotonic() + SHOWN_WITHIN
        while self._listen(deadline):
            pass
        return self._process.wait(max(0.1, deadline - time.monotonic()))

    def _listen(self, deadline: float) -> bool:
        """Takes in what is shown next; False when the time is over or the terminal is closed."""
        ready, _, _ = select.select([self._terminal], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            more = os.read(self._terminal, 65_536)
        except OSError:  # how Linux says that nobody has the other end open any more
            return False
        self._heard += more
        return bool(more)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)
        os.close(self._terminal)
