"""A folder into a pack, or every reason why it is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

from bot.errors import PackError, Problem
from bot.pack.coverage import uncovered
from bot.pack.reading import Who, read_who
from bot.pack.rules import read_policy
from bot.pack.values import Pack
from escalation.policy import Policy, Severity
from knowledge.marks import Spot, compose, listed
from knowledge.metadata import Survey, survey

_T = TypeVar("_T")

_WHO: Final = "pack.yaml"
_POLICY: Final = "policy.yaml"
_DOCUMENTS: Final = "documents"


def load_pack(folder: Path, *, today: date) -> Pack:
    """The pack in a folder, or in the one folder directly inside it that has a pack.yaml.

    `today` is where the year begins for which duty hours and absences are looked at. Raises PackError with
    every problem of every file.
    """
    folder = _pack_folder(folder)
    problems: list[Problem] = []
    who = _read(folder, _WHO, read_who, problems)
    policy = _read(folder, _POLICY, read_policy, problems)
    documents = survey(folder / _DOCUMENTS, problems)
    warnings: tuple[str, ...] = ()
    if who is not None:
        _check_documents(documents, who)
        warnings = uncovered(who.care, who.care_spots, who.stewards, today)
    if who is None or policy is None or problems:
        raise PackError(problems)
    return _whole(folder, who, policy, documents, warnings)


def read_yaml(path: Path, name: str, problems: list[Problem]) -> Spot | None:
    """The root of a YAML file that has to be there and to say something; None, with a problem, where it is
    not so.
    """
    known = len(problems)
    try:
        spot = compose(path.read_text(encoding="utf-8-sig"), name, problems)
    except FileNotFoundError:
        _note(problems, name, "no such file", f"{name} at {path}")
        return None
    except OSError as error:
        _note(problems, name, f"a file that cannot be opened ({error.strerror})", "a readable file")
        return None
    except UnicodeDecodeError as error:
        _note(problems, name, f"a byte that is not UTF-8 (number {error.start + 1})", "a text in UTF-8")
        return None
    if spot is None and len(problems) == known:
        _note(problems, name, "an empty file", "what the pack's format asks for")
    return spot


def _read(folder: Path, name: str, reader: Callable[[Spot], _T], problems: list[Problem]) -> _T | None:
    spot = read_yaml(folder / name, name, problems)
    return None if spot is None else reader(spot)


def _pack_folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise PackError([Problem(file=str(folder), place="", found="no such folder", expected="a mission pack")])
    if (folder / _WHO).is_file():
        return folder
    inside = sorted(path.parent for path in folder.glob(f"*/{_WHO}"))
    if len(inside) == 1:
        return inside[0]
    found = f"no {_WHO}" if not inside else f"no {_WHO}, but several packs ({listed([one.name for one in inside])})"
    raise PackError([Problem(file=str(folder), place="", found=found, expected=f"a folder with a {_WHO}")])


def _check_documents(documents: Survey, who: Who) -> None:
    """Audiences and owners name only what pack.yaml defines."""
    known: dict[str, Mapping[str, object]] = {
        "flight": who.flights,
        "mission": who.missions,
        "organisation": who.organisations,
    }
    for meta in documents.documents:
        for audience in sorted(meta.audience):
            kind, colon, id = audience.partition(":")
            if colon and id not in known[kind]:
                expected = f"the id of a {kind} ({listed(known[kind])})"
                documents.spots[meta.id, "audience"].wrong(expected, found=repr(audience))
        if meta.owner is not None and meta.owner not in who.organisations:
            expected = f"the id of an organisation ({listed(who.organisations)})"
            documents.spots[meta.id, "owner"].wrong(expected)


def _whole(folder: Path, who: Who, policy: Policy, documents: Survey, warnings: tuple[str, ...]) -> Pack:
    return Pack(
        provider=who.provider,
        organisations=who.organisations,
        flights=who.flights,
        missions=who.missions,
        customers=who.customers,
        stewards=who.stewards,
        care=who.care,
        rooms=who.rooms,
        policy=policy,
        documents=documents.documents,
        folder=folder,
        warnings=(*_remarks(policy, documents), *warnings),
    )


def _remarks(policy: Policy, documents: Survey) -> tuple[str, ...]:
    remarks = []
    if not documents.documents:
        remarks.append(f"{_DOCUMENTS}/ holds no document: the concierge can answer nothing")
    if not any(rule.severity >= Severity.care for rule in policy.rules):
        remarks.append(f"{_POLICY} has no rule of severity care or higher: nobody is called for any cue")
    return tuple(remarks)


def _note(problems: list[Problem], file: str, found: str, expected: str) -> None:
    problems.append(Problem(file=file, place="", found=found, expected=expected))
