"""Where a terminal command writes what went wrong: a file, since on the screen people talk to each other."""

from __future__ import annotations

import logging
from pathlib import Path

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _Beside(logging.FileHandler):
    """A log that cannot be written (a full disk) must not end up on the screen either."""

    def handleError(self, record: logging.LogRecord) -> None:
        return None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:  # the file is opened here, when there is something to write
            self.handleError(record)


def log_beside(folder: Path) -> None:
    """From now on warnings and errors of this process go to `concierge.log` in the folder, if it can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        logging.getLogger().addHandler(logging.NullHandler())
        return
    handler = _Beside(folder / "concierge.log", encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter(FORMAT))
    logging.getLogger().addHandler(handler)
