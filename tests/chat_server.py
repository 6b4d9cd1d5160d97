"""A chat model on loopback, spoken to as OpenAI's API is: scripted answers, whole or in pieces, and its faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

PIECE = 7  # characters of a streamed piece: sentences arrive cut through their words


@dataclass(frozen=True, kw_only=True, slots=True)
class Says:
    """Content as it is, well-formed or not. `finish` is why the model stopped; `until` holds back what comes after
    its first sentence.
    """

    content: str
    finish: str = "stop"
    until: asyncio.Event | None = None
    breaks_off: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Refuses:
    """A refusal in words, as the API has it: content is null."""

    words: str = "I can't help with that."


@dataclass(frozen=True, kw_only=True, slots=True)
class Fails:
    """An HTTP error."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hangs:
    """No answer before the client has gone."""


Reply = Says | Refuses | Fails | Hangs
Script = Callable[[dict[str, Any]], Reply | Awaitable[Reply]]


def sentences(*claims: tuple[str, Sequence[int]], until: asyncio.Event | None = None) -> Says:
    """An answer of these sentences, each with the passages that it cites."""
    listed = [{"text": text, "passages": list(passages)} for text, passages in claims]
    return Says(content=json.dumps({"sentences": listed, "finished": True}), until=until)


def question(text: str) -> Says:
    """A question written anew."""
    return Says(content=json.dumps({"question": text, "finished": True}))


def material(request: dict[str, Any]) -> dict[str, Any]:
    """The JSON that a request carries as data."""
    found: dict[str, Any] = json.loads(request["messages"][-1]["content"])
    return found


def number_of(request: dict[str, Any], words: str) -> int:
    """The number of the passage in which these words stand."""
    return int(next(one["number"] for one in material(request)["passages"] if words in one["text"]))


class ChatServer:
    """What was asked, and what is answered: `answers` to questions about passages, `rewrites` questions."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.url = ""
        self.answers: Script = lambda _: Fails(status=500)
        self.rewrites: Script = lambda _: Fails(status=500)
        self.gone = asyncio.Event()

    def always(self, reply: Reply) -> None:
        """One reply to whatever is asked."""
        self.answers = self.rewrites = lambda _: reply

    @property
    def answered(self) -> list[dict[str, Any]]:
        """The requests for an answer."""
        return [one for one in self.requests if _wanted(one) == "answer"]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        self.requests.append(asked)
        found = self.answers(asked) if _wanted(asked) == "answer" else self.rewrites(asked)
        reply = await found if isinstance(found, Awaitable) else found
        match reply:
            case Fails():
                told = {"error": {"message": "scripted", "type": "scripted", "code": None}}
                return web.json_response(told, status=reply.status, headers=dict(reply.headers))
            case Hangs():
                await self.gone.wait()
                return web.json_response({}, status=503)
        return await (self._stream if asked.get("stream") else self._whole)(request, reply)

    async def _whole(self, _: web.Request, reply: Says | Refuses) -> web.StreamResponse:
        said = reply.content if isinstance(reply, Says) else None
        message = {
            "role": "assistant",
            "content": said,
            "refusal": reply.words if isinstance(reply, Refuses) else None,
        }
        finish = reply.finish if isinstance(reply, Says) else "stop"
        choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        return web.json_response({**_HEAD, "object": "chat.completion", "choices": [choice], "usage": usage})

    async def _stream(self, request: web.Request, reply: Says | Refuses) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        if isinstance(reply, Refuses):
            await response.write(_event({"role": "assistant", "refusal": reply.words}))
        else:
            await self._in_pieces(response, reply)
            if reply.breaks_off:
                assert request.transport is not None
                request.transport.abort()
                return response
        finish = reply.finish if isinstance(reply, Says) else "stop"
        await response.write(_event({}, finish=finish))
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _in_pieces(self, response: web.StreamResponse, reply: Says) -> None:
        second = reply.content.find('"text"', reply.content.find('"text"') + 1)
        for start in range(0, len(reply.content), PIECE):
            if reply.until is not None and start > second + 2 * PIECE:
                await reply.until.wait()
            await response.write(_event({"role": "assistant", "content": reply.content[start : start + PIECE]}))


_HEAD = {"id": "chatcmpl-1", "created": 1, "model": "scripted"}


def _event(delta: Mapping[str, object], *, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    chunk = {**_HEAD, "object": "chat.completion.chunk", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


def _wanted(asked: dict[str, Any]) -> str:
    return str(asked["response_format"]["json_schema"]["name"])


@asynccontextmanager
async def chat_server() -> AsyncIterator[ChatServer]:
    """A server that listens on loopback while the body runs."""
    server = ChatServer()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}/v1"
    try:
        yield server
    finally:
        server.gone.set()
        await runner.cleanup()
