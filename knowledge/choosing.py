"""Models that an operator names in the settings: an embedding, a reranker. Nothing of them is needed by default."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Final, TypeVar

from langchain_core.documents.compressor import BaseDocumentCompressor
from langchain_core.embeddings import Embeddings

from knowledge.errors import KnowledgeError

_FACTORY: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+:[A-Za-z_]\w*")
"""`package.module:factory`. A provider's name has no dot before its colon."""

_Made = TypeVar("_Made")


class NotChosen(KnowledgeError):
    """A setting names a model that cannot be had: check its name, its package, and its credentials."""


def embeddings_of(setting: str) -> Embeddings:
    """`provider:model` by LangChain's `init_embeddings`, or `package.module:factory`, called without arguments.

    Raises `NotChosen`.
    """
    if _FACTORY.fullmatch(setting):
        return _made(setting, Embeddings)  # type: ignore[type-abstract]  # only asked what it is
    return _tried(setting, lambda: _of_provider(setting))


def compressor_of(setting: str) -> BaseDocumentCompressor:
    """`package.module:factory`, called without arguments: a LangChain document compressor. Raises `NotChosen`."""
    if not _FACTORY.fullmatch(setting):
        raise NotChosen(f"{setting!r} names no reranker: write package.module:factory")
    return _made(setting, BaseDocumentCompressor)  # type: ignore[type-abstract]  # only asked what it is


def _of_provider(setting: str) -> Embeddings:
    from langchain.embeddings import init_embeddings

    return init_embeddings(setting)


def _made(setting: str, kind: type[_Made]) -> _Made:
    module, _, factory = setting.partition(":")
    made = _tried(setting, lambda: getattr(importlib.import_module(module), factory)())
    if not isinstance(made, kind):
        raise NotChosen(f"{setting!r} gives a {type(made).__name__}, and not LangChain's {kind.__name__}")
    return made


def _tried(setting: str, make: Callable[[], _Made]) -> _Made:
    try:
        return make()
    except Exception as error:  # whatever a package of somebody else's raises: the setting is of no use
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise NotChosen(f"{setting!r} cannot be used ({said}): check its name, its package, its credentials") from error
