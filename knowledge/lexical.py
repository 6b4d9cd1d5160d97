"""Words: how text becomes terms, and BM25 over the passages that one reader may see.

Everything here is computed from the visible passages alone. Document frequencies, the average length and the
vocabulary that misspelt words are corrected to must not change with a document that the reader may not see:
a ranking that moved would tell that it exists.
"""

from __future__ import annotations

import json
import math
import re
import threading
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import Stemmer
from numpy.typing import NDArray

MAX_CHARACTERS = 2_000  # of one message; nobody asks a longer question, and the work stays bounded
MAX_TERMS = 48

K1 = 0.9
B = 0.5


def word_set(text: str) -> frozenset[str]:
    """The words of a text, parted at white space."""
    return frozenset(text.split())


STOP_WORDS = word_set("""
    a about actually all also am an and another any anybody anyone anything are as at be because been before being
    but by can cannot could dear did do does doing done else even ever every for from get gets getting give given
    go goes going got guess guys had has have having he hello help her here hers hey hi him his how however i if in
    into is it its itself just kind kindly know let like likes look lot make makes many may maybe me mean might mine
    more most much must my myself need needs no nor not now of off oh ok okay on one ones only or other our ours out
    over own per perhaps please possible question quick quite rather really regarding right said same say shall she
    should show so some somebody someone something somehow still such sure take tell than thank thanks that the
    their them then there these they thing things think this those though to too us use very want wanted wants was
    we well were what whatever when where whether which while who whom whose why will wish with wonder wondering
    would yes yet you your yours yourself ll ve re don didn doesn isn aren wasn weren won couldn shouldn wouldn hasn
    haven hadn d s t m
    """)

# What people type in a chat, said in full. Only forms that have no other meaning in a customer's question.
_CHAT = {
    "u": "you", "ur": "your", "r": "are", "pls": "please", "plz": "please", "thx": "thanks", "ty": "thanks",
    "wat": "what", "wut": "what", "wen": "when", "hw": "how", "y": "why", "cud": "could", "wud": "would",
    "shd": "should", "abt": "about", "b4": "before", "bc": "because", "cuz": "because", "coz": "because",
    "im": "i am", "ive": "i have", "ill": "i will", "id": "i would", "dont": "do not", "doesnt": "does not",
    "didnt": "did not", "cant": "can not", "wont": "will not", "isnt": "is not", "arent": "are not",
    "whats": "what is", "wheres": "where is", "whos": "who is", "hows": "how is", "whens": "when is",
    "wanna": "want to", "gonna": "going to", "gotta": "have to", "lemme": "let me", "gimme": "give me",
    "tmrw": "tomorrow", "tmr": "tomorrow", "msg": "message", "pic": "picture", "pics": "pictures",
    "pax": "passengers", "min": "minutes", "mins": "minutes", "hrs": "hours", "hr": "hour", "wks": "weeks",
    "yrs": "years", "yr": "year", "kgs": "kg", "kilo": "kg", "kilos": "kg", "kilograms": "kg", "kilogram": "kg",
    "bday": "birthday", "info": "information", "approx": "about", "meds": "medicine", "tho": "though",
    "alot": "a lot", "asap": "soon", "btw": "", "lol": "", "haha": "", "hmm": "", "um": "", "idk": "",
    "w": "with", "wo": "without", "n": "and", "ppl": "people", "dr": "doctor", "doc": "doctor", "docs": "documents",
    "temp": "temperature", "max": "maximum", "min.": "minimum", "ok": "okay", "mum": "mother", "mom": "mother",
    "dad": "father", "kids": "children", "kid": "child",
}  # fmt: skip

_TOKENS: Final = Path(__file__).parent / "models" / "minilm" / "tokenizer.json"

_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufe0e\ufe0f]")
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])")
_WORD = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+")
_local = threading.local()


@lru_cache(maxsize=1)
def common_words() -> frozenset[str]:
    """Words of common English: those that the shipped tokenizer knows as a whole. They are never "corrected"."""
    pieces: dict[str, int] = json.loads(_TOKENS.read_text(encoding="utf-8"))["model"]["vocab"]
    return frozenset(piece for piece in pieces if piece.isalpha())


def clean(text: str, limit: int = MAX_CHARACTERS) -> str:
    """The text as it is meant: one form per character, no control or invisible characters, single spaces.

    Of a text longer than `limit` characters the beginning and the end are kept: long messages ask at one of them.
    """
    if len(text) > limit:
        text = text[: limit // 2] + " " + text[-limit // 2 :]
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    text = "".join(" " if unicodedata.category(c) in {"Cc", "Cs", "Co", "Cn"} else c for c in text)
    return " ".join(text.replace("’", "'").split())


def words(text: str) -> list[str]:
    """Lower-case words and numbers of a text, in order; "20kg" is two, "e-mail" too, "don't" is "dont"."""
    folded = text.casefold().replace("’", "'")
    if "'" in folded:
        folded = _APOSTROPHE.sub("", folded)
    return [w.replace(",", "") if w[0].isdigit() else w for w in _WORD.findall(folded)]


def spoken(text: str) -> list[str]:
    """The words of a chat message with its abbreviations said in full."""
    said: list[str] = []
    for word in words(text):
        said.extend(_CHAT[word].split() if word in _CHAT else [word])
    return said


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The stem under which a word is indexed (Snowball English); numbers stay as they are."""
    stemmer = getattr(_local, "stemmer", None)
    if stemmer is None:  # a stemmer is not safe to share between threads
        stemmer = _local.stemmer = Stemmer.Stemmer("english")
    return str(stemmer.stemWord(word))


def content(said: Iterable[str]) -> list[str]:
    """The words that carry meaning: no stop words; where nothing else is left, nothing."""
    return [w for w in said if w not in STOP_WORDS]


@lru_cache(maxsize=16_384)
def terms(text: str) -> tuple[str, ...]:
    """The stems of a text's content words, in order. The same sentences are weighed again and again: they are kept."""
    return tuple(stem(w) for w in content(words(text)))


class Postings:
    """Term frequencies of a fixed sequence of texts, with BM25 over any visible subset of them.

    Kept as a few long arrays, one entry an occurrence: lists in Python took ten times the memory and three times as
    long to build.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        numbers, found, lengths = _numbered(texts)
        vocabulary = list(numbers)
        said = np.array([word not in STOP_WORDS for word in vocabulary], dtype=np.bool_)
        rows = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        kept = said[found]
        found, rows = found[kept], rows[kept]
        self._lengths = np.bincount(rows, minlength=len(lengths)).astype(np.float32)
        self._terms, self._starts, self._rows, self._counts = _frequencies(vocabulary, said, found, rows)
        spelt = np.array([len(word) >= 4 and not word[0].isdigit() for word in vocabulary], dtype=np.bool_)[found]
        self._words = numbers
        self._written = rows[spelt][np.argsort(found[spelt], kind="stable")]
        self._written_starts = _starts(found[spelt], len(vocabulary))
        self._by_shape: dict[tuple[str, int], list[str]] = defaultdict(list)
        for word in sorted(vocabulary[number] for number in np.flatnonzero(np.diff(self._written_starts)).tolist()):
            self._by_shape[word[0], len(word)].append(word)
        self._letters: dict[tuple[str, int], NDArray[np.int16]] = {}

    def view(self, seen: NDArray[np.bool_]) -> View:
        """The postings as a reader sees them for whom exactly the rows in `seen` exist."""
        return View(self, seen)

    def near(self, word: str, length: int, allowed: int) -> list[str]:
        """The words of that length, spelt somewhere, with the same first letter, that may be so few edits away.

        No word that is so near is missing: an edit changes the count of one letter, or of two in opposite directions.
        """
        shape = (word[0], length)
        spelt = self._by_shape.get(shape)
        if spelt is None:
            return []
        letters = self._letters.get(shape)
        if letters is None:
            letters = self._letters[shape] = _letters(spelt)
        more = letters - _letters([word])
        apart = np.maximum(np.maximum(more, 0).sum(axis=1), np.maximum(-more, 0).sum(axis=1))
        return [spelt[at] for at in np.flatnonzero(apart <= allowed).tolist()]

    def written(self, word: str) -> NDArray[np.int32]:
        """Rows in which a word stands in exactly this form, once an occurrence."""
        number = self._words.get(word)
        return _NO_ROWS if number is None else self._written[slice(*self._written_starts[number : number + 2])]

    def rows(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Rows that hold the term, and how often each does."""
        number = self._terms.get(term)
        if number is None:
            return _NO_ROWS, _NO_COUNTS
        place = slice(*self._starts[number : number + 2])
        return self._rows[place], self._counts[place]


class _Numbers(dict[str, int]):
    """Words by number, in the order in which they were first met."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


def _numbered(texts: Iterable[str]) -> tuple[Mapping[str, int], NDArray[np.int32], NDArray[np.int32]]:
    """The distinct words, every word of every text as its number, and how many words each text has."""
    numbers = _Numbers()
    found, lengths = array("i"), array("i")
    for text in texts:
        before = len(found)
        found.extend(map(numbers.__getitem__, words(text)))
        lengths.append(len(found) - before)
    return dict(numbers), np.frombuffer(found, dtype=np.int32), np.frombuffer(lengths, dtype=np.int32)


def _frequencies(
    vocabulary: Sequence[str], said: NDArray[np.bool_], found: NDArray[np.int32], rows: NDArray[np.int32]
) -> tuple[Mapping[str, int], NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """The stems by number, and for each, one after the other, the rows that hold it and how often."""
    stems = _Numbers()
    stem_of = np.array([stems[stem(word)] if means else -1 for word, means in zip(vocabulary, said, strict=True)])
    width = max(int(rows[-1]) + 1 if rows.size else 0, 1)
    pairs = stem_of[found].astype(np.int64) * width + rows if found.size else np.zeros(0, dtype=np.int64)
    distinct, counts = np.unique(pairs, return_counts=True)
    starts = _starts((distinct // width).astype(np.int64), len(stems))
    return dict(stems), starts, (distinct % width).astype(np.int32), counts.astype(np.float32)


def _starts(numbers: NDArray[np.int32] | NDArray[np.int64], many: int) -> NDArray[np.int64]:
    """Where the entries of each number begin, when entries are in the order of their numbers; the end last."""
    return np.concatenate(([0], np.cumsum(np.bincount(numbers, minlength=many)))).astype(np.int64)


_LETTER_CLASSES: Final = 32


def _letters(spelt: Sequence[str]) -> NDArray[np.int16]:
    """How often words of one length have each letter; letters far apart in Unicode may share a column."""
    length = len(spelt[0])
    codes = np.array(spelt, dtype=f"<U{length}").view(np.uint32).reshape(len(spelt), length) % _LETTER_CLASSES
    return np.stack([(codes == letter).sum(axis=1) for letter in range(_LETTER_CLASSES)], axis=1).astype(np.int16)


_NO_ROWS = np.zeros(0, dtype=np.int32)
_NO_COUNTS = np.zeros(0, dtype=np.float32)


class View:
    """One reader's postings: statistics over the visible rows only."""

    def __init__(self, postings: Postings, seen: NDArray[np.bool_]) -> None:
        self._postings = postings
        self._seen = seen
        self.size = int(seen.sum())
        average = float(postings._lengths[seen].mean()) if self.size else 1.0
        self._norms = K1 * (1 - B + B * postings._lengths / max(average, 1.0))
        self._idf: dict[str, float] = {}

    def frequency(self, term: str) -> int:
        """In how many visible rows the term stands."""
        rows, _ = self._postings.rows(term)
        return int(self._seen[rows].sum())

    def idf(self, term: str) -> float:
        """How much the term tells (BM25's inverse document frequency, never negative)."""
        known = self._idf.get(term)
        if known is None:
            n = self.frequency(term)
            known = math.log(1 + (self.size - n + 0.5) / (n + 0.5))
            if len(self._idf) < 20_000:  # strange words must not fill the memory
                self._idf[term] = known
        return known

    def bm25(self, query: Iterable[str]) -> NDArray[np.float32]:
        """A score for every row; rows that are not visible, and those without a term of the query, have 0."""
        scores = np.zeros(len(self._seen), dtype=np.float32)
        for term in dict.fromkeys(query):
            rows, counts = self._postings.rows(term)
            if rows.size:
                scores[rows] += self.idf(term) * counts * (K1 + 1) / (counts + self._norms[rows])
        scores[~self._seen] = 0.0
        return scores

    def corrected(self, word: str, known: Container[str] = ()) -> tuple[str, ...]:
        """The word as the visible passages spell it, or as it is.

        A word that stands in them, a number, a short word and a word of common English (`known`) are left alone:
        "colour" must not become "collar" because no document speaks of colours. Two words run together are parted.
        """
        if self.frequency(stem(word)) or len(word) < 4 or word[0].isdigit() or _is_known(word, known):
            return (word,)
        for cut in range(3, len(word) - 2):
            left, right = word[:cut], word[cut:]
            if self.frequency(stem(left)) and self.frequency(stem(right)):
                return (left, right)
        return (self._nearest(word) or word,)

    def _nearest(self, word: str) -> str | None:
        allowed = 1 if len(word) < 8 else 2
        best: tuple[int, int, str] | None = None
        for length in range(len(word) - allowed, len(word) + allowed + 1):
            for candidate in self._postings.near(word, length, allowed):
                distance = edits(word, candidate, allowed)
                if distance <= allowed:
                    found = int(self._seen[self._postings.written(candidate)].sum())
                    if found and (best is None or (distance, -found, candidate) < best):
                        best = (distance, -found, candidate)
        return best[2] if best else None


def _is_known(word: str, known: Container[str]) -> bool:
    """Whether a word or the singular or plain form of it is common English."""
    plain = (
        word,
        word.removesuffix("s"),
        word.removesuffix("es"),
        word.removesuffix("ed"),
        word.removesuffix("ing"),
    )
    return any(form in known for form in plain) or word.removesuffix("ies") + "y" in known


def edits(a: str, b: str, limit: int) -> int:
    """How many letters must be added, dropped, changed or swapped with their neighbour; limit + 1 when more."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    previous = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        current = [i]
        for j, right in enumerate(b, 1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        if min(current) > limit:
            return limit + 1
        before, previous = previous, current
    return previous[-1]
