"""What may be kept as a document, for whom, without which names, and what the file then says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.growing import document, proposals
from bot.growing.names import private
from bot.growing.proposals import NotKept
from bot.ledger.kept import Draft, Kept, State
from bot.pack import Pack
from knowledge.documents import read, scan

NOW = datetime(2027, 3, 1, 10, 0, tzinfo=UTC)
DRAFT = Draft(
    title="Camera batteries",
    question="How many batteries may I bring?",
    answer="Two per camera, in hand luggage.",
    audience="flight:aurora-2",
    answered_by="ines",
    answered_at=NOW,
    escalation=4,
    asked=1,
    customer="lena",
)
KEPT = Kept(
    id=3,
    state=State.PROPOSED,
    draft=DRAFT,
    proposed_by="ines",
    proposed_at=NOW,
    decided_by=None,
    decided_at=None,
    withdrawn_by=None,
    withdrawn_at=None,
    why="",
)
APPROVED = replace(KEPT, state=State.APPROVED, decided_by="amara", decided_at=NOW)


def names(pack: Pack, text: str, audience: str = "flight:aurora-2", customer: str | None = "lena") -> tuple[str, ...]:
    return private(pack, text, audience=audience, customer=customer)


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    ["Dear Lena, two.", "Lena Voss may.", "as LENA asked", "Lena's kit", "the Voss canvas", "_Lena_ may", "Le\u200bna",
     "Lén\u0301a", "Walter asked too", "Mr Finch has three", "write to 1001", "For Brightwell it is three."],
)  # fmt: skip
def test_whatever_tells_of_a_customer_is_found(little_pack: Pack, text: str) -> None:
    """The asker's name or anybody's, however it is written; an account; a customer's organisation."""
    assert names(little_pack, text)


@pytest.mark.parametrize(
    "text",
    ["Two per camera.", "Ask Ines Prado, or Amara.", "Selena and Vossberg are towns.", "Meridian Orbital says so."],
)
def test_ordinary_words_stewards_and_the_provider_may_stand_there(little_pack: Pack, text: str) -> None:
    """A name inside another word is none."""
    assert names(little_pack, text) == ()


def test_an_organisation_may_be_named_to_its_own_people(little_pack: Pack) -> None:
    """Their mission and their organisation know who they are; a flight does not."""
    told = "Brightwell keeps the samples."
    assert names(little_pack, told, audience="mission:crystals") == ()
    assert names(little_pack, told, audience="organisation:brightwell") == ()
    assert names(little_pack, told, audience="everyone") == ("Brightwell",)


def test_a_name_that_is_also_a_word_is_one_where_it_looks_like_one(little_pack: Pack) -> None:
    """ "Will" in the middle of a sentence; not the will that begins one, or is small."""
    will = replace(little_pack.customers["lena"], name="Will Ames")
    pack = replace(little_pack, customers={**little_pack.customers, "lena": will})
    assert names(pack, "You will fly. Will it rain?") == ()
    assert names(pack, "We told Will about it.") == ("Will",)


def test_a_first_name_that_a_steward_shares_is_refused_where_it_is_the_askers(little_pack: Pack) -> None:
    """Elsewhere it is read as the steward's."""
    ines = replace(little_pack.customers["lena"], name="Ines Voss")
    pack = replace(little_pack, customers={**little_pack.customers, "lena": ines})
    assert names(pack, "Ask Ines.", customer="lena") == ("Ines",)
    assert names(pack, "Ask Ines.", customer="walter") == ()
    assert names(pack, "Ask Ines Voss.", customer="walter")


# ── who, and for whom ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_narrowest_audience_is_the_customers_mission(little_pack: Pack) -> None:
    """The escalation's, else the first that they have; somebody whom nobody knows has none."""
    assert proposals.narrowest(little_pack, "lena", "portrait") == "mission:portrait"
    assert proposals.narrowest(little_pack, "walter", None) == "mission:crystals"
    assert proposals.narrowest(little_pack, None, None) is None


def test_a_steward_publishes_only_for_those_whose_documents_they_read(little_pack: Pack) -> None:
    """Ines looks after Lena's mission, and not after Walter's."""
    proposals.check(little_pack, DRAFT, "ines")
    with pytest.raises(NotKept, match="mission:crystals"):
        proposals.check(little_pack, replace(DRAFT, audience="mission:crystals"), "ines")


def test_what_nobody_else_could_approve_is_not_proposed(little_pack: Pack) -> None:
    """Walter's mission has Marc alone."""
    with pytest.raises(NotKept, match="nobody could approve"):
        proposals.check(little_pack, replace(DRAFT, audience="mission:crystals"), "marc")


@pytest.mark.parametrize(
    "draft",
    [replace(DRAFT, answer="Dear Lena, two."), replace(DRAFT, title="Voss"), replace(DRAFT, question="Is Walter in?"),
     replace(DRAFT, question=" "), replace(DRAFT, answer=""), replace(DRAFT, answer="x" * 4_001),
     replace(DRAFT, title="x" * 121)],
)  # fmt: skip
def test_words_that_cannot_be_published_are_not_proposed(little_pack: Pack, draft: Draft) -> None:
    """A name anywhere, nothing to say, or too much."""
    with pytest.raises(NotKept):
        proposals.check(little_pack, draft, "ines")


def test_nobody_approves_their_own(little_pack: Pack) -> None:
    """But they may take it back."""
    with pytest.raises(NotKept, match="second steward"):
        proposals.check_decision(little_pack, KEPT, 3, "ines", approve=True)
    proposals.check_decision(little_pack, KEPT, 3, "ines", approve=False)
    proposals.check_decision(little_pack, KEPT, 3, "amara", approve=True)


def test_a_proposal_that_is_not_theirs_looks_like_none(little_pack: Pack) -> None:
    """The same words for both: a number tells nobody what others propose."""
    secret = replace(KEPT, draft=replace(DRAFT, audience="mission:portrait"))
    refusals = []
    for found in (secret, None):
        with pytest.raises(NotKept) as error:
            proposals.check_decision(little_pack, found, 3, "marc", approve=True)
        refusals.append(str(error.value))
    assert refusals[0] == refusals[1]


def test_what_is_decided_is_not_decided_again(little_pack: Pack) -> None:
    """Whoever comes second reads who was first."""
    with pytest.raises(NotKept, match="approved already, by Amara Okafor"):
        proposals.check_decision(little_pack, APPROVED, 3, "ruth", approve=False)


def test_a_name_that_came_into_the_pack_meanwhile_keeps_it_from_being_approved(little_pack: Pack) -> None:
    """It is looked at once more when it would be published."""
    said = replace(KEPT, draft=replace(DRAFT, answer="Ask Tomasz."))
    proposals.check_decision(little_pack, said, 3, "amara", approve=True)
    newcomer = replace(little_pack.customers["walter"], id="tomasz", name="Tomasz Wit")
    pack = replace(little_pack, customers={**little_pack.customers, "tomasz": newcomer})
    with pytest.raises(NotKept, match="Tomasz"):
        proposals.check_decision(pack, said, 3, "amara", approve=True)


def test_only_what_is_among_the_documents_can_be_withdrawn(little_pack: Pack) -> None:
    """By whoever may read it."""
    proposals.check_withdrawal(little_pack, APPROVED, 3, "ruth")
    with pytest.raises(NotKept):
        proposals.check_withdrawal(little_pack, KEPT, 3, "ruth")
    with pytest.raises(NotKept):
        proposals.check_withdrawal(little_pack, None, 3, "ruth")


def test_a_proposal_is_shown_word_for_word_and_without_its_customer(little_pack: Pack) -> None:
    """What is shown is what is published."""
    told = proposals.shown(little_pack, KEPT)
    assert all(words in told for words in (DRAFT.title, DRAFT.question, DRAFT.answer, DRAFT.audience, "Ines Prado"))
    assert "lena" not in told.lower()


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def published(pack: Pack, draft: Draft, folder: Path) -> tuple[str, str]:
    """What a reader of the document meets: its headings and texts; and the last line."""
    kept = replace(APPROVED, draft=draft)
    (folder / "kept").mkdir(exist_ok=True, parents=True)
    (folder / "kept" / document.file_name(kept)).write_text(document.text(pack, kept), encoding="utf-8")
    (meta,), problems = scan(folder)
    assert problems == ()
    assert (meta.title, meta.audience, meta.valid_from) == (draft.title, {draft.audience}, NOW.date())
    passages = read(folder, meta)
    (folder / meta.path).unlink()
    return "\n".join([passages[0].heading, *(one.text for one in passages)]), passages[-1].text


def test_the_file_says_for_whom_from_when_and_where_it_comes_from(little_pack: Pack, tmp_path: Path) -> None:
    """The question is its heading; source, approver and dates are its last line; no customer is in it."""
    whole, last = published(little_pack, DRAFT, tmp_path)
    assert DRAFT.question in whole
    assert DRAFT.answer in whole
    assert last == (
        "Answered by Ines Prado on 01 March 2027 (escalation 4), approved by Amara Okafor on 01 March 2027."
    )
    assert "owner: meridian" in document.text(little_pack, APPROVED)
    assert "lena" not in document.text(little_pack, APPROVED).lower()


SIGNS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=60)
LINES = st.lists(SIGNS, min_size=1, max_size=5).map("\n".join)


MARKDOWN = ["- a *b*", "1. x", "# y", "| a | b |", "---", "<b>", "> q", "[^1]: z", "***", "```", "    code", "2027.",
            "ok &amp; ko", "a  ", "C:\\n", ": is", "Kit: one"]  # fmt: skip


@given(answer=st.one_of(LINES, st.lists(st.sampled_from(MARKDOWN), min_size=1, max_size=6).map("\n".join)))
def test_nothing_that_a_steward_writes_is_taken_for_markdown(
    little_pack: Pack, tmp_path_factory: pytest.TempPathFactory, answer: str
) -> None:
    """Whatever stands in it, its letters and figures reach the reader in their order, under the question."""
    draft = replace(DRAFT, answer=answer)
    whole, last = published(little_pack, draft, tmp_path_factory.mktemp("pack"))
    assert _letters(answer) in _letters(whole)
    assert last.startswith("Answered by ")


def _letters(text: str) -> str:
    """Letters and figures as the reader of documents keeps them; list numbers come and go."""
    from knowledge.reading.characters import clean

    return "".join(sign for sign in clean(text) if sign.isalpha())


@given(title=SIGNS)
def test_a_title_makes_a_name_that_every_system_takes(title: str) -> None:
    """Letters, figures and dashes; the number tells it from every other."""
    name = document.file_name(replace(KEPT, draft=replace(DRAFT, title=title)))
    assert name.startswith("0003")
    assert set(name.removesuffix(".md")) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert len(name) <= 60
