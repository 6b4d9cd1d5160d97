"""A town to play stories in: Slack and Telegram on this machine, people in both, and the whole house between them.

The house is what `concierge run` runs: real Bolt and python-telegram-bot clients, a real record; only what reads cues
and answers questions is scripted (`fakes`), so that a story says what is in a message.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakes import POLICY, ScriptedAnswerer, ScriptedReader, write_pack
from scenes import until
from slack_server import Channel, Delivery, SlackServer, User, View
from slack_server import Message as SlackMessage
from telegram_server import TelegramServer

from bot.app import House
from bot.messages import Pace
from bot.pack import Pack, load_pack
from bot.serving import Running, running
from bot.settings import Settings

if TYPE_CHECKING:
    from conftest import Stores

__all__ = ["Town", "labels", "shown", "town", "until"]

LENA_ON_TELEGRAM = 1001
INES_ON_TELEGRAM = 2001
AMARA_ON_TELEGRAM = 2002
STRANGER_ON_TELEGRAM = 9999
GROUP = -1001000000001
"""The Telegram group of Lena's mission."""
FORUM = -1001000000002
"""The stewards' forum group."""
QUICK = Pace(room_gap=timedelta(milliseconds=20))

WHO = """\
provider: meridian
organisations:
  meridian: {{name: Meridian Orbital, role: provider}}
  brightwell: {{name: Brightwell, role: customer}}
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
  crystals: {{flight: aurora-2, customer: walter, kind: research, goal: Grow one., success: [It is whole.]}}
customers:
  lena:
    name: Lena Voss
    identities:
      - {{channel: telegram, user: "1001"}}
      - {{channel: slack, team: {team}, user: {lena}}}
  walter:
    name: Walter Finch
    organisation: brightwell
    identities: [{{channel: slack, team: {brightwell}, user: {walter}}}]
  noor: {{name: Noor Haddad}}
stewards:
  ines:
    name: Ines Prado
    organisation: meridian
    timezone: Europe/Paris
    hours: always
    identities:
      - {{channel: slack, team: {team}, user: {ines}}}
      - {{channel: telegram, user: "2001"}}
  amara:
    name: Amara Okafor
    organisation: meridian
    timezone: Europe/Paris
    hours: always
    identities:
      - {{channel: slack, team: {team}, user: {amara}}}
      - {{channel: telegram, user: "2002"}}
care:
  default: {{steward: ines, ladder: [amara]}}
channels:
  - {{channel: slack, team: {team}, room: {lab}, mission: crystals}}
  - {{channel: telegram, room: "-1001000000001", mission: portrait}}
"""


class Drifting:
    """The real time, and whatever a story adds to it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(kw_only=True)
class Town:
    """Everybody, everything, and the house while it is open (`opened`)."""

    slack: SlackServer
    telegram: TelegramServer
    folder: Path
    lena: User
    walter: User
    """Of another company, in the Slack Connect room."""
    ines: User
    amara: User
    outsider: User
    """Of that other company too, and unknown to the pack."""
    lab: Channel
    """The Slack Connect room of Walter's mission."""
    desk: Channel
    """The stewards' private room in Slack."""
    pack: Pack
    clock: Drifting = field(default_factory=Drifting)
    answerer: ScriptedAnswerer = field(default_factory=ScriptedAnswerer)
    reader: ScriptedReader = field(default_factory=ScriptedReader)

    def settings(self, stores: Stores, **named: object) -> Settings:
        """What `.env` would say: Slack over HTTP and Telegram by polling, desks in direct messages; unless named."""
        given: dict[str, object] = {
            "pack": self.pack.folder,
            "home": self.folder,
            "record": stores.record,
            "docket": stores.docket,
            "listen": "127.0.0.1:0",
            "slack_api": self.slack.base_url,
            "slack_bot_token": self.slack.bot_token,
            "slack_signing_secret": self.slack.signing_secret,
            "telegram_api": self.telegram.base_url.removesuffix("/bot"),
            "telegram_token": self.telegram.token,
        }
        return Settings(_env_file=None, **{**given, **named})  # type: ignore[call-arg,arg-type]

    @asynccontextmanager
    async def opened(self, settings: Settings) -> AsyncIterator[House]:
        """The house at work; Slack knows where it listens, unless it connects by itself."""
        async with running(
            self.pack,
            settings,
            clock=self.clock,
            answerer=self.answerer,
            reader=self.reader,
            pace=QUICK,
            slack_ping_seconds=0.5,
        ) as found:
            await self._meet(found, settings)
            yield found.house

    async def _meet(self, found: Running, settings: Settings) -> None:
        if settings.slack_app_token is not None:
            await self.slack.connected()
        elif settings.slack_bot_token is not None:
            self.slack.request_url = f"http://127.0.0.1:{found.port}/slack/events"

    @property
    def slack_desk(self) -> str:
        """The stewards' room as a setting."""
        return f"{self.slack.team.id}:{self.desk.id}"

    def card(self, room: Channel) -> SlackMessage:
        """The newest card in a room."""
        return [one for one in self.slack.posts(room, self.slack.bot) if one.blocks and _is_card(one)][-1]

    def presses(self, user: User, where: SlackMessage | View, label: str) -> Delivery:
        """Somebody presses, in Slack, the button on which that stands."""
        found = next(one for one in _elements(where) if one.get("text", {}).get("text") == label)
        return self.slack.presses(user, where, found["action_id"], found["value"])


def labels(where: SlackMessage | View) -> list[str]:
    """What stands on the buttons of something in Slack."""
    return [str(one["text"]["text"]) for one in _elements(where)]


def shown(where: SlackMessage | View) -> str:
    """All the words of something in Slack as they are read there, a line a piece; buttons are not words."""
    blocks = [block for block in _blocks(where) if block["type"] != "actions"]
    return "\n".join(one["text"] for one in _objects(blocks) if isinstance(one.get("text"), str))


def _blocks(where: SlackMessage | View) -> list[dict[str, Any]]:
    return where.blocks if isinstance(where, SlackMessage) else list(where.body["blocks"])


def _elements(where: SlackMessage | View) -> list[dict[str, Any]]:
    return [one for block in _blocks(where) if block["type"] == "actions" for one in block["elements"]]


def _objects(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for one in node:
            yield from _objects(one)
    elif isinstance(node, dict):
        yield node
        for one in node.values():
            yield from _objects(one)


def _is_card(message: SlackMessage) -> bool:
    return any(block["type"] == "header" for block in message.blocks)


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    """Both platforms with everybody in them; nobody has said anything."""
    async with SlackServer() as slack, TelegramServer() as telegram:
        brightwell = slack.add_team("Brightwell")
        lena, ines, amara = (slack.add_user(name) for name in ("Lena", "Ines", "Amara"))
        walter, outsider = slack.add_user("Walter", brightwell), slack.add_user("Otto", brightwell)
        lab = slack.add_channel("crystals", walter, ines, private=True)
        desk = slack.add_channel("stewards", ines, amara, private=True)
        for number, name in (
            (LENA_ON_TELEGRAM, "Lena"),
            (INES_ON_TELEGRAM, "Ines"),
            (AMARA_ON_TELEGRAM, "Amara"),
            (STRANGER_ON_TELEGRAM, "Somebody"),
        ):
            telegram.user(number, name)
        telegram.group(GROUP, [LENA_ON_TELEGRAM, INES_ON_TELEGRAM])
        telegram.group(FORUM, [INES_ON_TELEGRAM, AMARA_ON_TELEGRAM], forum=True)
        who = WHO.format(
            team=slack.team.id,
            brightwell=brightwell.id,
            lena=lena.id,
            walter=walter.id,
            ines=ines.id,
            amara=amara.id,
            lab=lab.id,
        )
        write_pack(folder / "pack", who=who, policy=POLICY)
        yield Town(
            slack=slack,
            telegram=telegram,
            folder=folder,
            lena=lena,
            walter=walter,
            ines=ines,
            amara=amara,
            outsider=outsider,
            lab=lab,
            desk=desk,
            pack=load_pack(folder / "pack", today=date(2027, 3, 1)),
        )
