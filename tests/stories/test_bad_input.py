"""Bad input: each is met with a clear error or a courteous line, nothing is lost, and nothing reaches a screen raw."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
import servers
from commands import concierge
from fakes import MONDAY, POLICY, WHO, Hands, Recorder, ScriptedAnswerer, ScriptedReader, found, write_pack
from scenes import LENA, STRANGER, Scene, desk
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from bot import replies
from bot.app import LazyReader, open_house
from bot.considering import Answerer
from bot.desk.terminal import TerminalDesk
from bot.desks import Desk
from bot.knowing import Knowing
from bot.ledger.engine import RecordUnavailable, open_engine, reading
from bot.ledger.inbox import conversations_waiting
from bot.messages import Identity, Inbound
from bot.pack import Pack, load_pack
from escalation.cues import CueReader

MoveIn = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Where a record of its own is kept."""
    return tmp_path / "record" / "record.db"


def url_of(record: Path) -> str:
    return f"sqlite+aiosqlite:///{record}"


@pytest.fixture
def move_in(little_pack: Pack) -> MoveIn:
    """Opens a house over a record, with a channel that keeps what it is sent; what is not named is scripted."""

    @asynccontextmanager
    async def opened(
        url: str,
        *,
        pack: Pack = little_pack,
        answerer: Answerer | None = None,
        reader: CueReader | None = None,
        channel: Recorder | None = None,
    ) -> AsyncIterator[Scene]:
        clock, channel = Hands(), channel or Recorder()
        scripted, script = ScriptedReader(), ScriptedAnswerer()
        async with open_house(
            pack,
            record=url,
            answerer=answerer or script,
            reader=reader or scripted,
            docket=f"memory://{uuid4().hex}",
            channels=[channel],
            clock=clock,
            desk_of=lambda steward: (Desk(address=desk(steward)),),
        ) as house:
            yield Scene(house=house, clock=clock, reader=scripted, answerer=script, channel=channel, numbers=count(1))

    return opened


def message(key: str, said: str) -> Inbound:
    """A message of Lena's that a platform may deliver more than once."""
    return Inbound(
        event_key=key,
        message_key=key,
        address=LENA,
        sender=Identity(channel=LENA.channel, user=LENA.room),
        text=said,
        sent_at=MONDAY,
        order=key,
    )


# ── a pack ───────────────────────────────────────────────────────────────────────────────────────────────────────────

WRONG = {
    "pack.yaml": [
        ("name: Aurora 2", "nmae: Aurora 2"),
        ("landing: 2027-03-24T15:00:00Z", "landing: soon"),
        ("customer: walter, kind: research", "customer: nobody-here, kind: research"),
        ("timezone: Europe/London", "timezone: Atlantis/Centre"),
        ("portrait: {steward: ines, ladder: [amara, ruth]}", "portrait: {steward: ines, ladder: [amara, rutt]}"),
    ],
    "policy.yaml": [
        ("acknowledge_within: 15m", "acknowledge_within: a while"),
        ("when: {cue: distrust}", "when: {cue: mistrust}"),
    ],
}


def test_a_malformed_pack_is_refused_with_every_mistake_and_its_place(tmp_path: Path) -> None:
    """Nine mistakes in four files: one run names them all, each with its line; nothing is begun."""
    texts = {"pack.yaml": WHO, "policy.yaml": POLICY}
    places = []
    for name, mistakes in WRONG.items():
        for right, wrong in mistakes:
            assert texts[name].count(right) == 1
            texts[name] = texts[name].replace(right, wrong)
        for _, wrong in mistakes:
            places.append((name, texts[name][: texts[name].index(wrong)].count("\n") + 1))
    folder = write_pack(tmp_path / "pack", who=texts["pack.yaml"], policy=texts["policy.yaml"])
    (folder / "documents" / "a.md").write_text("---\naudience: evryone\n---\nText.\n")
    (folder / "documents" / "b.txt").write_text("---\nreplaces: nothing-that-is\n---\nText.\n")
    for command in (["check"], ["ingest"], ["chat", "--as", "lena"]):
        ran = concierge(*command, "--pack", folder, home=tmp_path)
        assert (ran.status, ran.out) == (2, "")
        assert "Traceback" not in ran.err
        for name, line in [*places, ("documents/a.md", 2), ("documents/b.txt", 2)]:
            assert f"{name}, line" in ran.err
            assert any(
                one.startswith(f"- {name}, line {at}") for one in ran.err.splitlines() for at in range(line, line + 8)
            ), f"{name}, line {line} in\n{ran.err}"
    assert not (tmp_path / "var").exists()


def test_an_unreadable_document_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    """A PDF that is none stands among good documents: it is named, they are read, and the exit status says so."""
    folder = write_pack(tmp_path / "pack")
    handbook = "# Baggage\n\nYour personal kit may weigh 1.5 kg.\n"
    (folder / "documents" / "kit.md").write_text(f"---\naudience: everyone\n---\n{handbook}")
    (folder / "documents" / "torn.pdf").write_bytes(b"%PDF-1.7\nand then nothing of the kind")
    (folder / "documents" / "torn.meta.yaml").write_text("audience: everyone\n")
    ran = concierge("ingest", "--pack", folder, home=tmp_path)
    assert ran.status == 1
    assert "torn.pdf" in ran.said
    assert "2 documents added" in ran.said
    assert "Traceback" not in ran.said
    asked = concierge("ask", "How heavy may my personal kit be?", "--as", "lena", "--pack", folder, home=tmp_path)
    assert asked.status == 0
    assert "1.5 kg" in asked.out


@pytest.mark.parametrize(
    ("command", "known"),
    [
        (["chat", "--as", "nobody"], ["lena", "walter"]),
        (["desk", "--as", "nobody"], ["amara", "ines", "marc", "rosa", "ruth"]),
        (["ask", "Anything?", "--as", "nobody"], ["lena", "ruth"]),
        (["cues", "--customer", "nobody"], ["lena", "walter"]),
    ],
    ids=["chat", "desk", "ask", "cues"],
)
def test_nobody_is_told_who_there_is(tmp_path: Path, command: list[str], known: list[str]) -> None:
    """Whoever mistypes an id reads which ones there are; no record is begun."""
    folder = write_pack(tmp_path / "pack")
    ran = concierge(*command, "--pack", folder, home=tmp_path)
    assert ran.status == 2
    assert "'nobody'" in ran.err
    assert all(name in ran.err for name in known)
    assert "Traceback" not in ran.err
    assert not (tmp_path / "var").exists()


# ── a message ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("nothing", ["", " \n\t ", "\x00\x07\x1b"], ids=["empty", "blank", "controls only"])
async def test_a_message_without_words_gets_a_courteous_line(move_in: MoveIn, record: Path, nothing: str) -> None:
    """Nothing to read is said, not guessed at; nobody is called."""
    async with move_in(url_of(record), reader=LazyReader()) as scene:
        assert await scene.says(nothing) == [replies.empty()]
        assert await scene.escalations() == ()


async def test_a_message_of_100000_characters_is_kept_whole_and_answered(move_in: MoveIn, record: Path) -> None:
    """It is read for cues to its end, not looked up, and the customer is asked for one question at a time."""
    long = "The gallery asked for the canvas again. " * 2_500
    assert len(long) == 100_000
    async with move_in(url_of(record), reader=LazyReader()) as scene:
        (told,) = await scene.says(long)
        assert told == replies.too_long()
        (told,) = await scene.says(f"{long[:-28]}. I want to speak to a person.")
        assert "I have asked Ines Prado" in told, "what stands at the end of it counts"
        assert scene.answerer.asked == []
        kept = [entry.text for entry in await scene.transcript() if entry.role == "customer"]
        assert kept[0] == long


RAW = "\x1b]0;owned\x07\x1b[31mred\x1b[0m \x9b2J\x00 \ud800 plain\r\nwords"


async def test_control_characters_are_taken_out_of_what_somebody_writes(move_in: MoveIn, record: Path) -> None:
    """What a terminal would obey and a database refuses is gone before it is kept; the words stay."""
    async with move_in(url_of(record)) as scene:
        await scene.says(f"kit {RAW}")
        kept = (await scene.transcript())[0].text
        assert kept == "kit ]0;owned[31mred[0m 2J  plain\nwords"
        assert scene.reader.seen[0][0] == kept.strip()


async def test_postgresql_takes_nul_and_lone_surrogates_too(move_in: MoveIn, tmp_path: Path) -> None:
    """PostgreSQL can store neither; a customer who sends them is answered all the same."""
    with servers.postgres() as server:
        engine = create_async_engine(server.url(), isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.execute(text("CREATE DATABASE story"))
        await engine.dispose()
        async with move_in(server.url("story")) as scene:
            (told,) = await scene.says(f"How heavy may my kit be? {RAW}")
            assert "1.5 kg" in told


COLOURED = WHO.replace("name: Lena Voss", r'name: "Lena \e[41mVoss\e]0;owned\a\x9b2J"').replace(
    "name: Ines Prado", r'name: "Ines \e[41mPrado"'
)


def test_escape_sequences_in_a_pack_never_reach_a_terminal(tmp_path: Path) -> None:
    """A name, a title or a caveat may hold what a terminal obeys; chat, desk, ask and the log of cues show none."""
    folder = write_pack(tmp_path / "pack", who=COLOURED)
    kit = '---\naudience: everyone\ntitle: "Kit \\e[41mlist"\ncaveat: "Weights \\e[41mchange."\n---\n# Kit\n\n'
    (folder / "documents" / "kit.md").write_text(f"{kit}Your personal kit may weigh 1.5 kg.\n")
    runs = [
        concierge(*command, "--pack", folder, home=tmp_path, typed=typed, FORCE_COLOR="1")
        for command, typed in (
            (["ask", "How heavy may my personal kit be?", "--as", "lena"], ""),
            (["chat", "--as", "lena"], "I need to speak to a person now \x1b[41m please.\n"),
            (["desk", "--as", "ines"], "list\nshow 1\nack 1\nreply 1 I am \x1b[41m here.\ncues lena\n"),
            (["chat", "--as", "lena"], "Thank you\n"),
            (["cues"], ""),
            (["cues", "--json"], ""),
            (["check"], ""),
        )
    ]
    assert [ran.status for ran in runs] == [0] * len(runs), [ran.err for ran in runs if ran.status]
    assert "1.5 kg" in runs[0].out
    assert "Success, in their words" in runs[2].out
    assert "I am [41m here." in runs[3].said
    for ran in runs:
        for said in (ran.out, ran.err):
            assert "\x1b[41m" not in said
            assert "\x1b]" not in said
            assert not {"\x07", "\x9b", "\x00"} & set(said)


UNREAD = POLICY.replace(
    "messages:", "  - {name: a language we cannot read, when: {unread_language: true}, severity: care}\nmessages:"
)
PORTUGUESE = "Não consigo dormir à noite, tenho muito medo da reentrada e não sei com quem posso falar sobre isso."


async def test_a_language_that_is_not_read_is_said_to_be_unread(move_in: MoveIn, record: Path) -> None:
    """Without a rule for it, the customer learns that only English is read, and how to reach a person."""
    async with move_in(url_of(record), reader=LazyReader()) as scene:
        scene.answerer.answers["medo"] = found("The reentry takes 47 minutes.")
        assert await scene.says(PORTUGUESE) == [replies.unread_language()]
        assert (await scene.escalations()) == ()


async def test_a_language_that_is_not_read_calls_a_person_where_the_policy_says_so(
    move_in: MoveIn, record: Path, tmp_path: Path
) -> None:
    """With a rule, somebody is asked to read it, and gets the customer's own words."""
    pack = load_pack(write_pack(tmp_path / "pack", policy=UNREAD), today=date(2027, 3, 1))
    async with move_in(url_of(record), pack=pack, reader=LazyReader()) as scene:
        (told,) = await scene.says(PORTUGUESE)
        assert "I have asked Ines Prado" in told
        assert (await scene.escalation()).rules == ("a language we cannot read",)
        steward = TerminalDesk(pack, scene.house.engine, scene.house.casework, "ines", scene.clock)
        assert PORTUGUESE in await steward.hear("show 1")


async def test_a_sender_whom_nobody_knows_gets_a_courteous_line(move_in: MoveIn, record: Path) -> None:
    """Whatever they ask, they learn nothing of the documents, but how to be invited and how to reach a person."""
    async with move_in(url_of(record), reader=LazyReader()) as scene:
        assert await scene.says("How heavy may my kit be?", at=STRANGER) == [replies.stranger("Meridian Orbital")]
        assert scene.answerer.asked == []
        told = await scene.says("I want to speak to a human being, please.", at=STRANGER)
        assert told == [replies.stranger_asked("Meridian Orbital")]


async def test_a_desk_meets_every_slip_with_a_sentence(move_in: MoveIn, record: Path) -> None:
    """An escalation that is not there, or is another's, a number that is none, a command that is none."""
    async with move_in(url_of(record)) as scene:
        await scene.says("I feel such anxiety! tonight")
        house = scene.house
        ines = TerminalDesk(house.pack, house.engine, house.casework, "ines", scene.clock)
        marc = TerminalDesk(house.pack, house.engine, house.casework, "marc", scene.clock)
        for verb in ("show", "ack", "take", "back", "decline", "resolve", "reply"):
            absent = await ines.hear(f"{verb} 99 words")
            refused = await marc.hear(f"{verb} 1 words")
            if verb in ("reply", "resolve"):
                assert absent == "There is no escalation 99 in your care."
                assert refused == "There is no escalation 1 in your care.", "a number tells nobody who has one"
            for number in ("99", "1" * 40, "-1", "one", "", "#", "²"):
                said = await ines.hear(f"{verb} {number}")
                assert said
                assert "Traceback" not in said
        assert "There is no command 'dance'" in await ines.hear("dance 1")
        assert "no customer" in (await ines.hear("cues nobody")).lower()
        assert "cue" in await ines.hear("correct 99 yes 0.5 really")
        assert "stewards" in (await ines.hear("hand 1 to nobody: please")).lower()
        assert (await scene.escalation()).owner is None, "none of it changed anything"


# ── a record that cannot be used ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second of waiting for a lock says as much as ten."""
    monkeypatch.setattr("bot.app.open_engine", partial(open_engine, busy_timeout=0.5))


@pytest.mark.usefixtures("impatient")
async def test_a_record_that_another_process_has_locked(move_in: MoveIn, record: Path) -> None:
    """Within the busy time-out it is said that the record is locked; what the platform sends again is answered once."""
    async with move_in(url_of(record)) as scene:
        await scene.says("How heavy may my kit be?")
        other = sqlite3.connect(record, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(RecordUnavailable, match=r"record\.db.*locked.*Nothing was lost"):
                await scene.house.work.receive(message("m-2", "And my second kit?"))
            await scene.settle()  # the sweeper cannot write either: it says so and comes back
            other.execute("ROLLBACK")
        finally:
            other.close()
        assert await scene.house.work.receive(message("m-2", "And my second kit?"))
        await scene.settle()
        assert len(scene.heard()) == 2


@pytest.mark.usefixtures("impatient")
async def test_a_turn_that_finds_the_record_locked_is_taken_again(move_in: MoveIn, record: Path) -> None:
    """The message is in the record; the lock comes between it and its answer, and goes."""
    async with move_in(url_of(record)) as scene:
        await scene.arrives("How heavy may my kit be?")
        other = sqlite3.connect(record, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            await scene.settle()
            assert scene.heard() == []
            other.execute("ROLLBACK")
        finally:
            other.close()
        await scene.settle()
        assert len(scene.heard()) == 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Disk:
    """A folder, and what can be done to the disk under it."""

    folder: Path
    fill: Callable[[], None]
    give_room: Callable[[], None]
    only_read: Callable[[bool], None]


def _mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@contextmanager
def _small_disk(folder: Path) -> Iterator[Disk]:
    """A file system of 1 MiB, where this user may mount one."""

    def again(options: str) -> None:
        assert _mount("-o", f"remount,{options}", str(folder))

    def fill() -> None:
        with (folder / "ballast").open("wb", buffering=0) as ballast:
            try:
                while ballast.write(b"\0" * 4096):
                    pass
            except OSError:
                return

    try:
        yield Disk(
            folder=folder,
            fill=fill,
            give_room=(folder / "ballast").unlink,
            only_read=lambda yes: again("ro" if yes else "rw"),
        )
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def _small_allowance(folder: Path) -> Iterator[Disk]:
    """Elsewhere: no file of this process may grow beyond what the record has now; and files that may not be written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        largest = max(path.stat().st_size for path in folder.iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))

    def only_read(yes: bool) -> None:
        for path in (folder, *folder.iterdir()):
            path.chmod((0o555 if path.is_dir() else 0o444) if yes else (0o755 if path.is_dir() else 0o644))

    try:
        yield Disk(
            folder=folder,
            fill=fill,
            give_room=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard)),
            only_read=only_read,
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        only_read(False)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk that a test may fill or write-protect."""
    folder = tmp_path / "disk"
    folder.mkdir()
    kind = _small_disk if _mount("-t", "tmpfs", "-o", "size=1m", "none", str(folder)) else _small_allowance
    with kind(folder) as found:
        yield found


async def test_a_full_disk_loses_nothing(move_in: MoveIn, disk: Disk) -> None:
    """What was acknowledged is answered when there is room again; what was refused is taken when it is sent again."""
    async with move_in(url_of(disk.folder / "record.db")) as scene:
        await scene.says("How heavy may my kit be?")
        await scene.arrives("Is my kit weighed?")  # acknowledged, and not yet answered
        disk.fill()
        refused = await _first_refused(scene)
        await scene.settle()  # no turn can be kept: it says so and comes back
        disk.give_room()
        assert await scene.house.work.receive(refused), "it was not in the record"
        await scene.settle()
        kept = [entry.text for entry in await scene.transcript() if entry.role == "customer"]
        assert kept[:2] == ["How heavy may my kit be?", "Is my kit weighed?"]
        assert kept[-1] == refused.text
        async with reading(scene.house.engine) as connection:
            assert await conversations_waiting(connection) == ()
        assert len(scene.heard()) >= 2


async def _first_refused(scene: Scene) -> Inbound:
    """Writes until the disk is full, and returns the message that was not taken."""
    told = "the disk was never full"
    for number in range(200):
        one = message(f"m-{number:03d}", f"My kit, number {number}: " + "x" * 20_000)
        try:
            assert await scene.house.work.receive(one)
        except RecordUnavailable as error:
            told = str(error)
            break
    assert "Nothing was lost" in told
    assert "disk" in told
    return one


async def test_a_record_that_may_only_be_read(move_in: MoveIn, disk: Disk) -> None:
    """A message is refused with the reason; once the record can be written again it is taken and answered."""
    file = disk.folder / "record.db"
    async with move_in(url_of(file)) as scene:
        await scene.says("How heavy may my kit be?")
    disk.only_read(True)
    # permissions do not bind root, who may not be allowed to mount either: then SQLite itself is told not to write
    url = f"sqlite+aiosqlite:///file:{file}?mode=ro&uri=true" if _writes(disk.folder) else url_of(file)
    with pytest.raises(RecordUnavailable, match=r"record\.db.*(readonly|unable to open).*Nothing was lost"):
        async with move_in(url) as scene:
            await scene.house.work.receive(message("m-2", "And my second kit?"))
    disk.only_read(False)
    async with move_in(url_of(file)) as scene:
        assert await scene.house.work.receive(message("m-2", "And my second kit?"))
        await scene.settle()
        assert len(scene.heard()) == 1
        assert len(await scene.transcript()) == 4


def _writes(folder: Path) -> bool:
    try:
        (folder / "probe").touch()
    except OSError:
        return False
    (folder / "probe").unlink()
    return True


def test_a_command_on_a_record_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    """The record's place is taken by a file that is no record: two lines and exit status 2, no traceback."""
    folder = write_pack(tmp_path / "pack")
    (tmp_path / "not-a-record.db").write_bytes(b"this is no database " * 100)
    ran = concierge("cues", "--pack", folder, home=tmp_path, CONCIERGE_RECORD=url_of(tmp_path / "not-a-record.db"))
    assert ran.status == 2
    assert "not-a-record.db cannot be used" in ran.said
    assert "Traceback" not in ran.err


# ── an index that cannot be used ─────────────────────────────────────────────────────────────────────────────────────


async def test_an_index_that_is_missing_is_told_and_a_steward_is_asked(
    move_in: MoveIn, record: Path, tmp_path: Path
) -> None:
    """The concierge cannot look anything up: it says so, keeps the message, and calls somebody."""
    async with move_in(url_of(record), answerer=Knowing(tmp_path / "no-index")) as scene:
        (told,) = await scene.says("How heavy may my personal kit be?")
        assert told.startswith(replies.failed())
        assert "I have asked Ines Prado" in told
        assert (await scene.escalation()).rules == ("the concierge failed",)
        assert len(scene.heard(desk("ines"))) == 1


async def test_an_index_that_is_damaged_is_told_and_mended_by_ingesting(
    move_in: MoveIn, record: Path, tmp_path: Path
) -> None:
    """While somebody is chatting the files are torn: no wrong answer, a person is asked; ingesting makes it whole."""
    folder, documents = tmp_path / "index", tmp_path / "documents"
    documents.mkdir()
    kit = "# Baggage\n\nYour personal kit may weigh 1.5 kg.\n"
    (documents / "kit.md").write_text(f"---\naudience: everyone\ntitle: Kit list\n---\n{kit}")
    Knowing(folder).bring_up_to_date(documents, lambda *_: None)
    for file in [path for path in folder.rglob("*") if path.suffix in (".bin", ".sqlite3")]:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    async with move_in(url_of(record), answerer=Knowing(folder)) as scene:
        (told,) = await scene.says("How heavy may my personal kit be?")
        assert told.startswith(replies.failed())
        assert (await scene.escalation()).rules == ("the concierge failed",)
        Knowing(folder).bring_up_to_date(documents, lambda *_: None)
        (told,) = await scene.says("How heavy may my personal kit be?")
        assert "1.5 kg" in told
