"""The house as a process that can be killed: `concierge run`, but for what reads cues and answers, over local servers.

Run as a program it imports everything once; for each line on its standard input, which says by how many seconds the
house's clock is ahead, it forks a *life*: the whole house at work, until it is killed or told to end (SIGTERM).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes import POLICY, ScriptedAnswerer, ScriptedReader, found, write_pack
from journey import LIVES_AT_MOST, tell

from bot.messages import Identity, Pace
from bot.pack import Pack, load_pack
from bot.serving import running
from bot.settings import Settings
from knowledge.answer import Abstention, Answer

TODAY = date(2027, 3, 1)
QUICK = Pace(room_gap=timedelta(milliseconds=20))
SETTINGS = "house.json"

WHO = """\
provider: meridian
organisations:
  meridian: {name: Meridian Orbital, role: provider}
flights:
  aurora-2: {name: Aurora 2, launch: 2027-03-14T09:20:00Z, landing: 2027-03-24T15:00:00Z, training_starts: 2026-09-01}
missions:
"""
MISSION = "  m-{id}: {{flight: aurora-2, customer: {id}, kind: art, goal: Paint., success: [It comes home dry.]}}\n"
CUSTOMER = "  {id}: {{name: Customer {id}, identities: [{identity}]}}\n"
STEWARDS = """\
stewards:
  ines: {name: Ines Prado, organisation: meridian, timezone: Europe/Paris, hours: always}
care:
  default: {steward: ines}
"""


def asks(number: int) -> str:
    """What a customer writes."""
    return f"How heavy may kit {number} be?"


def answers_in(text: str) -> tuple[int, ...]:
    """The numbers of the questions that a text answers."""
    return tuple(int(number) for number in re.findall(r"Kit (\d+) may weigh", text))


class Echo(ScriptedAnswerer):
    """Answers each question with its number."""

    def answer(
        self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()
    ) -> Answer | Abstention:
        asked = re.search(r"kit (\d+)", question)
        return found(f"Kit {asked[1]} may weigh 1.5 kg.") if asked else Abstention(score=0.1)


def write_house(folder: Path, customers: Mapping[str, Identity], settings: Mapping[str, str]) -> None:
    """A pack with these customers (by id), and the settings with which the house runs."""
    who = [WHO, *(MISSION.format(id=one) for one in customers), "customers:\n"]
    for one, identity in customers.items():
        named = {name: value for name, value in asdict(identity).items() if value}
        who.append(CUSTOMER.format(id=one, identity=json.dumps(named)))
    write_pack(folder / "pack", who="".join([*who, STEWARDS]), policy=POLICY)
    (folder / SETTINGS).write_text(json.dumps({**settings, "pack": str(folder / "pack"), "home": str(folder)}))


async def live(pack: Pack, settings: Settings, ahead: timedelta) -> None:
    """Works until it is killed, or told to end."""
    told_to_end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_end.set)
    async with (
        asyncio.timeout(LIVES_AT_MOST),
        running(
            pack,
            settings,
            clock=lambda: datetime.now(UTC) + ahead,
            answerer=Echo(),
            reader=ScriptedReader(),
            pace=QUICK,
        ),
    ):
        tell("working")
        await told_to_end.wait()


def main(folder: Path) -> None:
    """Forks a life for each line of the input, tells its number, and how it ended."""
    pack = load_pack(folder / "pack", today=TODAY)
    settings = Settings(_env_file=None, **json.loads((folder / SETTINGS).read_text()))  # type: ignore[call-arg]
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            asyncio.run(live(pack, settings, timedelta(seconds=float(line))))
            os._exit(0)
        tell(f"begun {pid}")
        _, status = os.waitpid(pid, 0)
        tell(f"ended {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
