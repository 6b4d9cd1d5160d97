"""`concierge ingest --watch`: reads the documents again whenever they change, until it is told to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from watchfiles import Change, watch

from bot.errors import PackError
from bot.growing.publishing import DOCUMENTS
from bot.messages import readable
from bot.terminal.screen import console, plain
from knowledge.errors import KnowledgeError

QUIET_MS: Final = 400
"""Documents are read once nothing has changed for so long: whoever saves a folder saves many files."""
AT_MOST_MS: Final = 5_000
"""But after so long at the latest."""

_WORDS: Final = {Change.added: "added", Change.modified: "changed", Change.deleted: "removed"}


def keep_ingesting(pack: Path, ingest: Callable[[], object]) -> None:
    """Ingests now and after every change of the documents. What is wrong with one is told, and mended by the next
    change.
    """
    folder = pack / DOCUMENTS
    folder.mkdir(parents=True, exist_ok=True)
    screen = console()
    with _until_told_to_end() as end:
        begun = False
        changes = watch(
            folder,
            watch_filter=_is_a_document,
            debounce=AT_MOST_MS,
            step=QUIET_MS,
            rust_timeout=QUIET_MS,
            yield_on_timeout=True,
            stop_event=end,
            raise_interrupt=False,
        )
        for changed in changes:
            if begun and not changed:
                continue
            for change, path in sorted(changed):
                name = Path(path).relative_to(folder.resolve()) if Path(path).is_relative_to(folder.resolve()) else path
                screen.print(plain(f"{_WORDS[change]} {readable(str(name))}"))
            _once(ingest)
            if not begun:
                screen.print(plain(f"Watching {folder}; Ctrl-C ends."))
            begun = True
    screen.print(plain("No longer watching."))


def _once(ingest: Callable[[], object]) -> None:
    try:
        ingest()
    except (PackError, KnowledgeError) as error:
        console().print(plain(f"Not ingested; what was read before still answers.\n{error}"))


def _is_a_document(_change: Change, path: str) -> bool:
    """What begins with a dot is an editor's, or half written."""
    return not Path(path).name.startswith(".")


@contextmanager
def _until_told_to_end() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, so that an ingest that is under way is finished first."""
    told = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        told.set()

    before = {one: signal.signal(one, end) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
