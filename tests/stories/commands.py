"""The `concierge` command as a person runs it: a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CONCIERGE = Path(sys.executable).with_name("concierge")
EXAMPLE = Path(__file__).parents[2] / "examples" / "meridian"
WITHIN = 240.0  # seconds that any command may take, on a machine that is busy with other tests


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """What became of a command. `out` and `err` are as written; `said` is both, each run of white space one blank."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return " ".join(f"{self.out} {self.err}".split())


def surroundings(home: Path, **more: str) -> dict[str, str]:
    """An environment in which everything is kept under `home` and lines are as long as they can be."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CONCIERGE_")}
    return {**kept, "CONCIERGE_HOME": str(home / "var"), "COLUMNS": "100", "PYTHONUNBUFFERED": "1", **more}


def concierge(*arguments: str | Path, home: Path, typed: str = "", **more: str) -> Ran:
    """Runs a command to its end, with `typed` as its input (never a terminal)."""
    done = subprocess.run(
        [CONCIERGE, *map(str, arguments)],
        input=typed.encode("utf-8", "surrogateescape"),
        capture_output=True,
        cwd=home,
        env=surroundings(home, **more),
        timeout=WITHIN,
        check=False,
    )
    return Ran(status=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())
