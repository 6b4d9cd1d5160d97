"""YAML whose every value knows its place, so that whoever reads it can name all mistakes at once.

A `Spot` is a value at a place. Asking it for what should stand there either gives that, or gives None and
notes a `Problem`: readers go on, and report everything that is wrong in one go.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Final

import yaml

_TAG: Final = "tag:yaml.org,2002:"
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2999
_SHOWN: Final = 60  # characters of a wrong value that are quoted back


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One mistake in one file: where (line and key path), what was found, and what was expected."""

    file: str
    place: str
    found: str
    expected: str

    def __str__(self) -> str:
        where = f"{self.file}, {self.place}" if self.place else self.file
        return f"{where}: found {self.found}, expected {self.expected}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """One value of a YAML file: its node, the keys that lead to it, and the list that takes its problems.

    `key` is the node of the key under which it stands, None in a list. `above` is the number of lines of
    the file that stand before the YAML (front matter begins on a later line).
    """

    file: str
    node: yaml.Node
    keys: tuple[str, ...] = ()
    key: yaml.Node | None = None
    above: int = 0
    problems: list[Problem] = field(repr=False)

    @property
    def line(self) -> int:
        """The line of the file on which the value's key stands (without one, the value), counted from 1."""
        return (self.key or self.node).start_mark.line + 1 + self.above

    @property
    def place(self) -> str:
        """Line and key path, as a problem shows them."""
        path = ".".join(self.keys).replace(".[", "[")
        return f"line {self.line}, {path}" if path else f"line {self.line}"

    @property
    def found(self) -> str:
        """The value in words."""
        match self.node:
            case yaml.MappingNode():
                return "a mapping" if self.node.value else "an empty mapping"
            case yaml.SequenceNode():
                return "a list" if self.node.value else "an empty list"
        if self.empty:
            return "nothing"
        shown = str(self.node.value)
        return repr(shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…")

    @property
    def empty(self) -> bool:
        """Whether nothing (YAML's null) stands here."""
        return self.node.tag == _TAG + "null"

    @property
    def bare(self) -> bool:
        """Whether nothing, or a mapping without keys, stands here."""
        return self.empty or (isinstance(self.node, yaml.MappingNode) and not self.node.value)

    def wrong(self, expected: str, found: str | None = None) -> None:
        """Note that something else was expected here."""
        self.problems.append(Problem(file=self.file, place=self.place, found=found or self.found, expected=expected))

    def entries(self, what: str) -> dict[str, Spot]:
        """The values of a mapping whose keys are free (ids or names); `what` says what they are."""
        if not isinstance(self.node, yaml.MappingNode):
            self.wrong(f"a mapping of {what}")
            return {}
        found: dict[str, Spot] = {}
        for key_node, value_node in self.node.value:
            key = replace(self, node=key_node, key=key_node)
            is_text = isinstance(key_node, yaml.ScalarNode) and key_node.tag == _TAG + "str"
            if not is_text or not key_node.value.strip():
                key.wrong(f"a text as key among {what} (a number, a date, yes and no need quotes)")
            elif key_node.value in found:
                key.wrong(f"each key once among {what}", found=f"{key_node.value!r} a second time")
            else:
                keys = (*self.keys, key_node.value)
                found[key_node.value] = replace(self, node=value_node, keys=keys, key=key_node)
        return found

    def parts(self, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Spot]:
        """The values of a mapping with known keys.

        Missing and unknown keys are problems; empty optional values are left out.
        """
        known = (*required, *optional)
        found = self.entries(f"the keys {', '.join(known)}")
        for key, spot in found.items():
            if key not in known:
                spot.wrong(f"one of the keys {', '.join(known)}", found=f"the unknown key {key!r}")
        if isinstance(self.node, yaml.MappingNode):
            for key in required:
                if key not in found:
                    self.wrong(f"the key {key!r}", found="none")
        return {key: spot for key, spot in found.items() if key in known and (key in required or not spot.empty)}

    def items(self, what: str) -> list[Spot]:
        """The values of a list; `what` says what they are."""
        if not isinstance(self.node, yaml.SequenceNode):
            self.wrong(f"a list of {what}")
            return []
        return [
            replace(self, node=node, keys=(*self.keys, f"[{n}]"), key=None) for n, node in enumerate(self.node.value, 1)
        ]

    def one_or_more(self, what: str) -> list[Spot]:
        """The values of a list, or the one value that stands here by itself. An empty list is a problem."""
        if not isinstance(self.node, yaml.SequenceNode):
            return [self]
        if not self.node.value:
            self.wrong(f"at least one of {what}")
        return self.items(what)

    def text(self, expected: str = "a text") -> str | None:
        """A text that is not blank."""
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag != _TAG + "str":
            number = isinstance(self.node, yaml.ScalarNode) and not self.empty
            self.wrong(f"{expected} (in quotes)" if number else expected)
            return None
        if not self.node.value.strip():
            self.wrong(expected, found="an empty text")
            return None
        return str(self.node.value)

    def choice(self, options: Collection[str], expected: str = "") -> str | None:
        """One of the options."""
        wanted = expected or f"one of {', '.join(options)}"
        text = self.text(wanted)
        if text is not None and text not in options:
            self.wrong(wanted)
            return None
        return text

    def flag(self) -> bool | None:
        """True or false."""
        value = self._value("bool")
        if not isinstance(value, bool):
            self.wrong("true or false")
            return None
        return value

    def number(self, low: float, high: float) -> float | None:
        """A number from `low` to `high`."""
        value = self._value("int", "float")
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
            self.wrong(f"a number from {low:g} to {high:g}")
            return None
        return float(value)

    def count(self, low: int) -> int | None:
        """A whole number that is at least `low`."""
        value = self._value("int")
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            self.wrong(f"a whole number, {low} or more")
            return None
        return value

    def day(self) -> date | None:
        """A day; of a moment with a time zone, its day in UTC."""
        expected = "a day such as 2027-03-14"
        value = self._time()
        if isinstance(value, datetime):
            if value.tzinfo is None:
                self.wrong(f"{expected}, or a time with its zone", f"{self.found} without a zone")
                return None
            return value.astimezone(UTC).date()
        if value is None:
            self.wrong(expected)
        return value

    def moment(self) -> datetime | None:
        """A moment with a time zone, in UTC; a day alone is its first moment in UTC."""
        expected = "a time with its zone such as 2027-03-14T09:20:00Z"
        value = self._time()
        if value is None:
            self.wrong(expected)
            return None
        if not isinstance(value, datetime):
            return datetime.combine(value, time(), UTC)
        if value.tzinfo is None:
            self.wrong(expected, f"{self.found} without a zone")
            return None
        return value.astimezone(UTC)

    def _value(self, *kinds: str) -> object:
        """What PyYAML makes of a scalar of one of these kinds, None for anything else or what it cannot
        make."""
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag not in {_TAG + kind for kind in kinds}:
            return None
        try:
            value: object = yaml.constructor.SafeConstructor().construct_object(self.node)
        except (ValueError, OverflowError, LookupError, AttributeError, yaml.YAMLError):
            # 2027-02-30, an integer of 5,000 digits; and how PyYAML fails on `!!bool maybe` and its like
            return None
        return None if isinstance(value, float) and not math.isfinite(value) else value

    def _time(self) -> date | None:
        value = self._value("timestamp")
        if isinstance(value, date):
            return value
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag != _TAG + "str":
            return None
        text = self.node.value.strip()
        try:
            if len(text) == len("2027-03-14"):
                return _dated(date.fromisoformat(text))
            return _dated(datetime.fromisoformat(text))
        except ValueError:
            return None


def _dated(value: date) -> date | None:
    """The day or moment, unless its year cannot be meant (and would break arithmetic near the calendar's
    ends).
    """
    return value if _FIRST_YEAR <= value.year <= _LAST_YEAR else None


def compose(text: str, file: str, problems: list[Problem], *, above: int = 0) -> Spot | None:
    """The root of a YAML text. None where it is empty or not YAML; only the second is a problem."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1 + above}" if mark else ""
        said = ", ".join(part for part in (error.context, error.problem) if part)
        found, expected = f"YAML that cannot be read ({said})", "valid YAML"
    except yaml.reader.ReaderError as error:
        line = f"line {text.count(chr(10), 0, error.position) + 1 + above}"
        found, expected = "a character that YAML does not allow", "printable text"
    except RecursionError:
        line, found, expected = "", "values nested too deeply", "a plain file"
    else:
        return None if node is None else Spot(file=file, node=node, above=above, problems=problems)
    problems.append(Problem(file=file, place=line, found=found, expected=expected))
    return None


def listed(values: Mapping[str, object] | Collection[str], limit: int = 8) -> str:
    """Some of the ids that would have been right, for the words of a problem."""
    names = list(values)
    shown = ", ".join(names[:limit])
    return f"{shown}, …" if len(names) > limit else shown or "none is defined"
