"""One form for every character, and none that nobody can see.

Invisible characters are removed because of what they do where text is compared and told: a soft hyphen or a
zero-width space inside "quarantine" keeps the word from being found, directional overrides make a sentence read
other than it is stored, and "tag" characters can carry words that the document's owner never saw.
"""

from __future__ import annotations

import codecs
import re
import unicodedata

from knowledge.reading.blocks import Unreadable

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
# Joiners shape words of Persian, Hindi and others, and compound emoji; beside Latin letters they only hide.
_JOINERS = re.compile("(?<=[\x00-\u024f])[\u200c\u200d]|[\u200c\u200d](?=[\x00-\u024f]|$)")
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029\u0085\x0b\x0c]")
_LIGATURES = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "st", "\ufb06": "st"}
)
_SYMBOL_BULLETS = re.compile("[\uf0b7\uf0a7\uf0d8\uf076\uf0fc]")  # Symbol and Wingdings, as Word writes bullets


def clean(text: str) -> str:
    """The text in composed form (NFC), with plain spaces and line ends and without invisible characters."""
    text = _SYMBOL_BULLETS.sub("•", _SPACES.sub(" ", _LINE_ENDS.sub("\n", text)))
    text = _JOINERS.sub("", _INVISIBLE.sub("", text)).translate(_LIGATURES)
    return unicodedata.normalize("NFC", "".join(c for c in text if c in "\n\t" or not _is_control(c)))


def line(text: str) -> str:
    """`clean`, on one line with single spaces."""
    return " ".join(clean(text).split())


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Co", "Cn"}


def decoded(content: bytes) -> str:
    """A text file's characters: UTF-8, or what its byte order mark says. Raises `Unreadable`.

    Other encodings are not guessed: a wrong guess would be quoted to a customer.
    """
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        why = f"it is not UTF-8 text (line {number}, byte 0x{content[error.start]:02x})"
        raise Unreadable(why, "save it with the encoding UTF-8") from error
    if "\0" in text:
        raise Unreadable("it holds binary data, not text", "check the file's suffix, or export it again as text")
    return text
