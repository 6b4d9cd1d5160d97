"""Whether a message is written in the language that the reader reads: a small, deterministic test.

It counts scripts, words that only one language uses, and words that the reader's vocabulary lacks. Names,
numbers and one-word replies are nobody's language: they count as readable.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Final

_SAMPLE: Final = 4_000
"""Characters from the start and from the end of a message that are looked at."""
_FOREIGN_LETTERS: Final = 0.3
"""Share of letters of other scripts from which a message counts as written in one of them."""
_UNKNOWN_WORDS: Final = 0.7
"""Share of words outside the vocabulary from which a message without one English function word counts as
another language."""

_LISTS: Final[dict[str, str]] = json.loads(
    (Path(__file__).parent / "models" / "languages.json").read_text(encoding="utf-8")
)
_ENGLISH: Final = frozenset(_LISTS["english"].split())
"""Words of which an English text of some length holds at least one."""
_CLEAR: Final = frozenset(_LISTS["others"].split())
"""Frequent words of twenty other languages that English texts hardly ever hold."""
_HALF: Final = frozenset(_LISTS["half"].split())
"""Words of other languages that stand in English texts too, in names and phrases: two of them count as
one."""


def unread(text: str, known: Container[str] = frozenset()) -> bool:
    """Whether `text` is in a language other than English; `known` is the vocabulary of the reader, lower
    case."""
    sample = text if len(text) <= 2 * _SAMPLE else text[:_SAMPLE] + " " + text[-_SAMPLE:]
    return _other_script(sample) or _other_words(_words(sample), known)


def _other_script(text: str) -> bool:
    letters = [letter for letter in text if letter.isalpha()]
    others = sum(not _latin(letter) for letter in letters)
    return others >= 2 and others > _FOREIGN_LETTERS * len(letters)


def _latin(letter: str) -> bool:
    return letter.isascii() or "LATIN" in unicodedata.name(letter, "LATIN")


def _words(text: str) -> list[str]:
    plain = re.sub(r"https?://\S+|\S+@\S+|[@#]\w+", " ", unicodedata.normalize("NFC", text)).replace("’", "'")
    return re.findall(r"[^\W\d_]+(?:['-][^\W\d_]+)*", plain)


def _other_words(words: Sequence[str], known: Container[str]) -> bool:
    small = [word.lower() for word in words]
    english = sum(word in _ENGLISH for word in small)
    clear = sum(word.lower() in _CLEAR or _marked(word, known) for word in words)
    foreign = clear + sum(word in _HALF for word in small) / 2
    if foreign > english and (foreign >= 2 or 2 * foreign >= len(words)):
        return clear > 0 or len(words) > 3
    return not english and _strange(words, known)


def _marked(word: str, known: Container[str]) -> bool:
    """Whether a word that is no name has a letter that English does without."""
    return word.islower() and len(word) > 3 and not word.isascii() and word not in known


def _strange(words: Sequence[str], known: Container[str]) -> bool:
    """Whether hardly a word is known; capitalised ones may be names and do not count."""
    plain = [word for word in words if word.islower() and len(word) > 2]
    unknown = sum(word not in known and word.split("'")[0] not in known for word in plain)
    return len(plain) >= 4 and unknown >= _UNKNOWN_WORDS * len(plain)
