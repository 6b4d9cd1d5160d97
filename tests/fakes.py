"""Stand-ins for what a turn needs of the outside: reader, answerer, channel, clock; and a little mission pack."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bot.messages import Act, Address, Identity, Pace, Post, SendError, Sent
from escalation.cues import CUES, Cue, Reading
from knowledge.answer import Abstention, Answer, Citation, Sentence

MONDAY = datetime(2027, 3, 1, 10, 0, tzinfo=UTC)
"""A working morning in Europe, thirteen days before the little pack's launch."""

WHO = """\
provider: meridian
organisations:
  meridian: {name: Meridian Orbital, role: provider}
  brightwell: {name: Brightwell, role: customer}
flights:
  aurora-2:
    name: Aurora 2
    launch: 2027-03-14T09:20:00Z
    landing: 2027-03-24T15:00:00Z
    training_starts: 2026-09-01
missions:
  portrait:
    flight: aurora-2
    customer: lena
    kind: art
    goal: Paint the terminator line from life.
    success: [One finished canvas comes home dry., My daughter can talk to me once.]
    visibility: private
  crystals: {flight: aurora-2, customer: walter, kind: research, goal: Grow one., success: [It is whole.]}
customers:
  lena:
    name: Lena Voss
    identities: [{channel: telegram, user: "1001"}]
  walter:
    name: Walter Finch
    organisation: brightwell
    identities: [{channel: telegram, user: "1002"}]
stewards:
  ines: {name: Ines Prado, organisation: meridian, timezone: Europe/Paris, hours: "Mon-Fri 08:00-19:00"}
  amara:
    name: Amara Okafor
    organisation: meridian
    timezone: Europe/Paris
    hours: "Mon-Fri 08:00-19:00"
    away: [{from: 2027-04-05, to: 2027-04-05}]
  ruth:
    name: Ruth Calder
    organisation: meridian
    timezone: Europe/London
    hours: always
    away: [{from: 2027-04-05, to: 2027-04-05}]
    identities: [{channel: telegram, user: "2003"}]
  rosa: {name: Rosa Lund, organisation: meridian, timezone: UTC, hours: always, topics: [medical]}
  marc: {name: Marc Oyelaran, organisation: meridian, timezone: UTC, hours: always}
care:
  default: {steward: marc}
  portrait: {steward: ines, ladder: [amara, ruth]}
channels:
  - {channel: telegram, room: "-100", mission: portrait}
"""
"""Lena is looked after by Ines, then Amara, then Ruth; Rosa is called for medical things; Marc looks after Walter."""

POLICY = """\
severities:
  watch: {}
  care: {acknowledge_within: 4h}
  urgent: {acknowledge_within: 15m}
  critical: {acknowledge_within: 2m, notify: everyone_on_ladder}
rules:
  - {name: crisis, when: {cue: crisis}, severity: critical, topic: medical, tell_customer: crisis}
  - {name: asked for a person, when: {cue: asks_for_person}, severity: urgent}
  - {name: distress, when: {cue: [anxiety, grief], intensity: {at_least: 0.8}}, severity: urgent}
  - {name: doubt, when: {cue: distrust}, severity: care}
  - {name: unanswered twice, when: {unanswered: {at_least: 2, within: 1h}}, severity: care}
messages:
  default: "I have asked {steward}, who has {acknowledge_within}; it is {local_time} there."
  crisis: "You matter. I have called {steward} and everybody beside them."
"""


def write_pack(folder: Path, *, who: str = WHO, policy: str = POLICY) -> Path:
    """The little pack as files in a folder."""
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    (folder / "pack.yaml").write_text(who, encoding="utf-8")
    (folder / "policy.yaml").write_text(policy, encoding="utf-8")
    (folder / "documents" / "handbook.md").write_text("---\naudience: everyone\n---\nText.", encoding="utf-8")
    return folder


class Hands:
    """A clock that stands still until it is moved."""

    def __init__(self, moment: datetime = MONDAY) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **span: float) -> datetime:
        self.moment += timedelta(**span)
        return self.moment


class ScriptedReader:
    """Finds a cue where its name stands in the text, `!` after it for a strong one; the word is what carried it."""

    version = "script-1"

    def __init__(self) -> None:
        self.seen: list[tuple[str, tuple[str, ...]]] = []
        self.error: Exception | None = None

    def read(self, text: str, before: Sequence[str] = ()) -> Reading:
        self.seen.append((text, tuple(before)))
        if self.error is not None:
            raise self.error
        cues = tuple(
            Cue(name=name, intensity=0.9 if f"{name}!" in text else 0.5, words=(name,)) for name in CUES if name in text
        )
        return Reading(cues=cues, version=self.version, unread_language="bonjour" in text)


def found(text: str, *, caveat: str | None = None) -> Answer:
    """An answer of one sentence."""
    place = Citation(document="handbook", title="Handbook", anchor="Baggage", passage="handbook#1-00000000")
    return Answer(sentences=(Sentence(text=text, citation=place),), caveats=(caveat,) if caveat else (), score=0.9)


class ScriptedAnswerer:
    """Answers what it was told to answer, abstains from everything else; can be made to fail or to hang."""

    def __init__(self, answers: Mapping[str, Answer] | None = None) -> None:
        self.answers = dict(answers or {"kit": found("Your kit may weigh 1.5 kg.", caveat="Weights change.")})
        self.asked: list[tuple[str, frozenset[str], date]] = []
        self.error: Exception | None = None
        self.hangs: threading.Event | None = None
        self.meanwhile: Callable[[], None] | None = None

    def answer(
        self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()
    ) -> Answer | Abstention:
        self.asked.append((question, grants, on))
        if self.hangs is not None:
            self.hangs.wait(30)
        if self.meanwhile is not None:
            self.meanwhile()
        if self.error is not None:
            raise self.error
        return next((one for word, one in self.answers.items() if word in question), Abstention(score=0.1))

    def suggest(self, text: str, grants: frozenset[str], on: date) -> Sequence[str]:
        return ("Handbook, Baggage",) if "everyone" in grants else ()


def from_a_thread(step: Callable[[], Awaitable[object]]) -> Callable[[], None]:
    """Something that a worker thread can call to have a step done on this loop, once, before it goes on."""
    loop, left = asyncio.get_running_loop(), [step]

    async def do() -> object:
        return await step()

    def call() -> None:
        if left:
            left.pop()
            asyncio.run_coroutine_threadsafe(do(), loop).result(30)

    return call


class Recorder:
    """A channel that keeps what it is sent. `troubles` are raised, in turn, before anything is delivered.

    `reads` says who reads in a room; None stands for a channel that cannot say.
    """

    exclusive = True
    pace = Pace()

    def __init__(self, name: str = "telegram", *, hosts: Iterable[Address] | None = None) -> None:
        self.name = name
        self.sent: list[Post] = []
        self.tried: list[int] = []
        self.troubles: list[SendError] = []
        self.kept_before_trouble = False
        self.cannot_say: SendError | None = None
        self.reads: dict[Address, tuple[Identity, ...] | None] = {}
        self.showed_typing: list[Address] = []
        self._hosts = None if hosts is None else set(hosts)

    def hosts(self, address: Address) -> bool:
        return self._hosts is None or address in self._hosts

    async def send(self, post: Post) -> Sent:
        self.tried.append(post.id)
        if self.troubles:
            trouble = self.troubles.pop(0)
            if self.kept_before_trouble:
                self.sent.append(post)
            raise trouble
        self.sent.append(post)
        return self._sent(post)

    def _sent(self, post: Post) -> Sent:
        name = f"{self.name}:{post.id}"
        return Sent(id=name, thread=post.thread or (name if post.act is Act.TOPIC or post.card else ""))

    async def find(self, post: Post) -> Sent | None:
        if self.cannot_say is not None:
            raise self.cannot_say
        return self._sent(post) if any(one.id == post.id for one in self.sent) else None

    async def readers(self, address: Address, likely: Sequence[Identity]) -> tuple[Identity, ...] | None:
        return self.reads.get(address, ())

    async def typing(self, address: Address, thread: str) -> None:
        self.showed_typing.append(address)

    def at(self, address: Address) -> list[str]:
        """What was said at an address, in order."""
        return [post.text for post in self.posts(address) if post.act is Act.SAY]

    def posts(self, address: Address) -> list[Post]:
        """Everything that arrived at an address, in order."""
        return [post for post in self.sent if post.address == address]
