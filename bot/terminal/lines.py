"""Lines from a keyboard, or from a pipe."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext

from prompt_toolkit import PromptSession
from prompt_toolkit.patch_stdout import patch_stdout

from bot.messages import readable

LOOK_EVERY = 0.05  # seconds between two looks at the record


def from_a_person() -> bool:
    """Whether somebody sits at a keyboard."""
    return sys.stdin.isatty()


def beside_output() -> AbstractContextManager[None]:
    """While it is open, what is printed appears above the line that is being typed."""
    return patch_stdout(raw=True) if from_a_person() else nullcontext()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Waits until something holds in the record, which any process may change."""
    while not await condition():  # noqa: ASYNC110 - rows that other processes change have no event to wait for
        await asyncio.sleep(LOOK_EVERY)


async def typed(prompt: str) -> AsyncIterator[str]:
    """Each line that is not blank, until the end of the input, Ctrl-D or Ctrl-C."""
    session: PromptSession[str] | None = PromptSession() if from_a_person() else None
    prompt = readable(prompt)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # bytes that are no text must not end a conversation
    while True:
        try:
            line = await session.prompt_async(prompt) if session else await asyncio.to_thread(sys.stdin.readline)
        except (EOFError, KeyboardInterrupt):
            return
        if not session and not line:
            return
        if line.strip():
            yield line.rstrip("\n")
