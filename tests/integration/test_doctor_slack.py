"""What `concierge doctor` says of Slack, asked with the real client of a server that behaves as Slack does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import servers
from fakes import WHO, write_pack
from pydantic import SecretStr
from slack_server import Channel, Fault, SlackServer, User

from bot.channels.slack.installing import SCOPES
from bot.examining.findings import WITHIN, Finding, Verdict
from bot.examining.slack import examine_slack
from bot.pack import Pack, load_pack
from bot.settings import Settings

OK, WARNING, FAILED, SKIPPED = Verdict.OK, Verdict.WARNING, Verdict.FAILED, Verdict.SKIPPED


def now() -> datetime:
    return datetime.now(UTC)


class Office:
    """A workspace that is set up well, and the pack and the settings that go with it: a test spoils one thing."""

    def __init__(self, slack: SlackServer, folder: Path) -> None:
        self.slack = slack
        self.folder = folder
        self.slack.scopes = sorted(SCOPES)
        self.ruth = slack.add_user("Ruth Calder")
        self.rooms: list[tuple[str, Channel]] = []
        self.settings: dict[str, Any] = {
            "slack_api": slack.base_url,
            "slack_bot_token": SecretStr(slack.bot_token),
            "slack_app_token": SecretStr(slack.app_token),
        }

    def room(self, *members: User, team: str = "", **how: Any) -> Channel:
        """A room that the pack names as one of the team's."""
        made = self.slack.add_channel("portrait", *members, **how)
        self.rooms.append((team or self.slack.team.id, made))
        return made

    def desk(self, **how: Any) -> Channel:
        """The stewards' room."""
        made = self.slack.add_channel("stewards", self.ruth, **{"private": True} | how)
        self.settings["slack_desk"] = f"{self.slack.team.id}:{made.id}"
        return made

    def pack(self, *, team: str = "", user: str = "") -> Pack:
        """The pack, with Ruth as Slack or somebody else knows her."""
        known = f"{{channel: slack, team: {team or self.slack.team.id}, user: {user or self.ruth.id}}}"
        rooms = [
            f"  - {{channel: slack, team: {team}, room: {room.id}, mission: portrait}}" for team, room in self.rooms
        ]
        head, _, _ = WHO.replace('{channel: telegram, user: "2003"}', known).partition("channels:")
        folder = write_pack(self.folder, who=head + ("channels:\n" + "\n".join(rooms) if rooms else ""))
        return load_pack(folder, today=date(2027, 3, 1))

    async def examine(
        self, pack: Pack | None = None, *, at: Callable[[], datetime] = now, within: timedelta = WITHIN
    ) -> dict[str, Finding]:
        """The findings, by what they are about."""
        found = await examine_slack(Settings(**self.settings), pack or self.pack(), now=at, within=within)
        assert len({one.what for one in found}) == len(found)
        return {one.what: one for one in found}


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CONCIERGE_{name.upper()}", raising=False)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with SlackServer() as slack:
        yield Office(slack, tmp_path / "pack")


# ── what is well ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_workspace_that_is_set_up_is_all_right(office: Office) -> None:
    """Every line says what was seen there."""
    room = office.room()
    office.desk()
    found = await office.examine()
    assert {one.verdict for one in found.values()} == {OK}
    assert found["Slack token"].told == "Meridian (T00000001), as @concierge (U00000001)"
    assert "no more" in found["Slack scopes"].told
    assert found[f"Slack room {room.id}"].told == "#portrait, public, not shared outside; mission portrait"
    assert found["Slack stewards' room"].told == "#stewards, private, not shared outside"
    assert found["Slack steward ruth"].told == f"Ruth Calder ({office.ruth.id})"
    assert found.keys() >= {"Slack Socket Mode", "clock, beside Slack's"}


async def test_over_http_a_signing_secret_is_enough(office: Office) -> None:
    """Without an app token Slack calls; whether it reaches us, only Slack can tell."""
    del office.settings["slack_app_token"]
    office.settings["slack_signing_secret"] = SecretStr("signed")
    found = await office.examine()
    assert found["Slack over HTTP"].verdict is OK
    assert "https://YOUR-HOST/slack/events" in found["Slack over HTTP"].told
    assert not office.slack.called("apps.connections.open")


async def test_a_room_that_is_shared_is_told_as_a_fact(office: Office) -> None:
    """Slack Connect is what customers' rooms are for."""
    room = office.room(shared_with=[office.slack.add_team("Brightwell")], private=True)
    found = (await office.examine())[f"Slack room {room.id}"]
    assert found.verdict is OK
    assert "private, shared with another organisation" in found.told


# ── what is not configured ───────────────────────────────────────────────────────────────────────────────────────────


async def test_without_a_token_slack_is_skipped(office: Office) -> None:
    """One line says how to set it up, and that the pack would need it."""
    office.room()
    office.settings.clear()
    found = await office.examine()
    assert [(one.verdict, one.told) for one in found.values()] == [
        (SKIPPED, "not set up; the pack names 1 of its rooms")
    ]
    assert "docs/setting-up-slack.md" in found["Slack"].do
    assert not office.slack.calls


async def test_for_several_workspaces_what_can_be_said_without_a_token_is_said(office: Office) -> None:
    """Their tokens are in the record; the signing secret must be there."""
    office.settings = {"slack_client_id": "1.2", "slack_client_secret": SecretStr("s")}
    found = await office.examine()
    assert (found["Slack token"].verdict, found["Slack over HTTP"].verdict) == (SKIPPED, FAILED)


@pytest.mark.parametrize(
    ("given", "lacks"),
    [
        ({"slack_client_id": "1.2"}, "CONCIERGE_SLACK_CLIENT_SECRET"),
        ({"slack_client_secret": SecretStr("s")}, "CONCIERGE_SLACK_CLIENT_ID"),
    ],
)
async def test_client_id_and_secret_belong_together(office: Office, given: dict[str, Any], lacks: str) -> None:
    """What is missing is named."""
    office.settings = given
    found = (await office.examine())["Slack"]
    assert found.verdict is FAILED
    assert lacks in found.do


async def test_without_a_stewards_room_the_desk_is_a_direct_message(office: Office) -> None:
    """That is no mistake; the line says how to have a room."""
    found = (await office.examine())["Slack stewards' room"]
    assert found.verdict is SKIPPED
    assert "CONCIERGE_SLACK_DESK=TEAM:CHANNEL" in found.do


# ── the app ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_wrong_token_is_told_and_the_rest_waits_for_it(office: Office) -> None:
    """The app token is examined all the same."""
    office.room()
    office.settings["slack_bot_token"] = SecretStr("xoxb-of-somebody-else")
    found = await office.examine()
    assert (found["Slack token"].verdict, found["Slack token"].told) == (FAILED, "Slack said invalid_auth")
    assert "Bot User OAuth Token" in found["Slack token"].do
    assert found["Slack Socket Mode"].verdict is OK
    assert found["Slack rooms and stewards"].verdict is SKIPPED
    assert not office.slack.called("conversations.info")


async def test_a_persons_token_is_not_the_apps(office: Office) -> None:
    """With it everything would be said in that person's name."""
    office.slack.bot.bot_id = ""
    found = (await office.examine())["Slack token"]
    assert found.verdict is FAILED
    assert "a person's" in found.told


async def test_missing_scopes_are_named(office: Office) -> None:
    """They are missing after the manifest has changed, until the app is installed again."""
    office.slack.scopes = sorted(set(SCOPES) - {"users:read", "im:write"})
    found = (await office.examine())["Slack scopes"]
    assert (found.verdict, found.told) == (FAILED, "missing: im:write, users:read")
    assert "reinstall" in found.do


async def test_scopes_that_nothing_uses_are_named(office: Office) -> None:
    """Least privilege is worth a line."""
    office.slack.scopes = [*sorted(SCOPES), "users:read.email"]
    found = (await office.examine())["Slack scopes"]
    assert (found.verdict, found.told) == (WARNING, "more than is needed: users:read.email")


async def test_a_wrong_app_token_is_told(office: Office) -> None:
    """The commonest mistake: the bot's token in the place of the app's."""
    office.settings["slack_app_token"] = office.settings["slack_bot_token"]
    found = (await office.examine())["Slack Socket Mode"]
    assert (found.verdict, found.told) == (FAILED, "Slack said not_allowed_token_type")
    assert "connections:write" in found.do


async def test_without_any_proof_that_it_is_slack_nothing_is_accepted(office: Office) -> None:
    """Neither app token nor signing secret."""
    del office.settings["slack_app_token"]
    found = (await office.examine())["Slack over HTTP"]
    assert found.verdict is FAILED
    assert "CONCIERGE_SLACK_SIGNING_SECRET" in found.do


@pytest.mark.parametrize("minutes", [-1, 1])
async def test_a_clock_that_is_a_minute_off_is_told(office: Office, minutes: int) -> None:
    """At five minutes Slack's signatures are refused as too old."""
    found = await office.examine(at=lambda: now() + timedelta(minutes=minutes))
    clock = found["clock, beside Slack's"]
    assert clock.verdict is FAILED
    assert ("ahead" in clock.told, "behind" in clock.told) == (minutes > 0, minutes < 0)
    assert "NTP" in clock.do


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault.ERROR, "Slack said internal_error"),
        (Fault.TOO_MANY(), "Slack said ratelimited"),
        (Fault.DROPPED, "Slack cannot be reached: "),
        (Fault.REFUSED("a_new_word"), "Slack said a_new_word"),
    ],
    ids=["500", "429", "dropped", "unknown"],
)
async def test_whatever_slack_answers_is_told(office: Office, fault: Fault, told: str) -> None:
    """Asking is done once: it changes nothing, and somebody is looking."""
    office.slack.faults.add("auth.test", fault)
    found = (await office.examine())["Slack token"]
    assert found.verdict is FAILED
    assert found.told.startswith(told)
    assert len(office.slack.called("auth.test")) == 1


async def test_a_slack_that_is_not_there_is_told(office: Office) -> None:
    """Nobody listens at that address."""
    office.settings["slack_api"] = f"http://127.0.0.1:{servers.free_port()}/api/"
    found = await office.examine()
    for what in ("Slack token", "Slack Socket Mode"):
        assert found[what].verdict is FAILED
        assert "cannot be reached" in found[what].told
        assert "CONCIERGE_SLACK_API" in found[what].do


# ── rooms ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_room_without_the_app_is_told(office: Office) -> None:
    """Public ones Slack shows; the line says what to write there."""
    room = office.room(with_bot=False)
    found = (await office.examine())[f"Slack room {room.id}"]
    assert (found.verdict, found.told) == (FAILED, "the app is not in #portrait")
    assert "/invite @concierge" in found.do


async def test_a_room_that_slack_does_not_show_is_told(office: Office) -> None:
    """A private one without the app, or a wrong id: Slack does not say which."""
    room = office.room(private=True, with_bot=False)
    found = (await office.examine())[f"Slack room {room.id}"]
    assert found.verdict is FAILED
    assert "knows no such room, or it is private" in found.told


async def test_an_archived_room_is_told(office: Office) -> None:
    """Nothing can be posted there."""
    room = office.room()
    room.archived = True
    assert (await office.examine())[f"Slack room {room.id}"].told == "#portrait is archived"


async def test_a_room_of_another_workspace_is_told(office: Office) -> None:
    """The token cannot see it; Slack need not be asked."""
    room = office.room(team="T0ANOTHER")
    found = (await office.examine())[f"Slack room {room.id}"]
    assert (found.verdict, found.told) == (
        FAILED,
        "it belongs to the workspace T0ANOTHER, and the token to T00000001",
    )


async def test_one_slow_room_keeps_no_other_waiting(office: Office) -> None:
    """Each question has its own time."""
    rooms = {f"Slack room {office.room().id}" for _ in range(2)}
    never = asyncio.Event()
    office.slack.faults.add("conversations.info", Fault.SLOW(never))
    found = await office.examine(within=timedelta(seconds=1.5))
    verdicts = sorted(found[room].verdict for room in rooms)
    assert verdicts == [FAILED, OK]
    assert "no answer within 1.5 s" in {found[room].told for room in rooms}
    never.set()


# ── the stewards ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_public_stewards_room_is_refused(office: Office) -> None:
    """Escalations would be read by everybody in the workspace."""
    office.desk(private=False)
    found = (await office.examine())["Slack stewards' room"]
    assert found.verdict is FAILED
    assert "public" in found.told


async def test_a_shared_stewards_room_is_refused(office: Office) -> None:
    """Another organisation would read about customers."""
    office.desk(shared_with=[office.slack.add_team("Brightwell")])
    found = (await office.examine())["Slack stewards' room"]
    assert found.verdict is FAILED
    assert "shared with another organisation" in found.told


async def test_a_stewards_room_where_customers_are_is_refused(office: Office) -> None:
    """One of the pack's rooms cannot be the stewards'."""
    room = office.room(private=True)
    office.settings["slack_desk"] = f"{office.slack.team.id}:{room.id}"
    found = (await office.examine())["Slack stewards' room"]
    assert found.verdict is FAILED
    assert "customers read along" in found.told


async def test_a_stewards_room_without_the_app_is_told(office: Office) -> None:
    """A private room that the app is not in is as good as none."""
    office.desk(with_bot=False)
    assert "/invite @concierge" in (await office.examine())["Slack stewards' room"].do


@pytest.mark.parametrize(
    ("named", "told"), [("C1", "is not TEAM:CHANNEL"), ("T0ANOTHER:C1", "the workspace T0ANOTHER")]
)
async def test_a_stewards_room_that_is_misnamed_is_told(office: Office, named: str, told: str) -> None:
    """It needs its workspace, and that of the token."""
    office.settings["slack_desk"] = named
    found = (await office.examine())["Slack stewards' room"]
    assert found.verdict is FAILED
    assert told in found.told


async def test_a_steward_whom_slack_does_not_know_is_told(office: Office) -> None:
    """A mistyped id would mean that nobody is called."""
    found = (await office.examine(office.pack(user="U0NOBODY")))["Slack steward ruth"]
    assert found.verdict is FAILED
    assert "member id" in found.do


async def test_a_steward_in_the_wrong_team_is_told(office: Office) -> None:
    """Who presses a button is compared with team and id: one that is wrong never matches."""
    found = (await office.examine(office.pack(team="T0ANOTHER")))["Slack steward ruth"]
    assert found.verdict is FAILED
    assert "of the team T00000001; the pack says T0ANOTHER" in found.told


@pytest.mark.parametrize(("extra", "told"), [({"deleted": True}, "deactivated"), ({"is_bot": True}, "a bot")])
async def test_a_steward_who_cannot_be_a_steward_is_told(office: Office, extra: dict[str, bool], told: str) -> None:
    """Somebody left, or the id is a bot's."""
    office.ruth.extra |= extra
    found = (await office.examine())["Slack steward ruth"]
    assert found.verdict is FAILED
    assert told in found.told


async def test_a_steward_of_another_organisation_needs_a_room_in_common(office: Office) -> None:
    """Without one the app cannot write to them; with one all is well."""
    halcyon = office.slack.add_team("Halcyon")
    mei = office.slack.add_user("Mei Tanaka", halcyon)
    pack = office.pack(team=halcyon.id, user=mei.id)
    assert (await office.examine(pack))["Slack steward ruth"].verdict is WARNING
    office.slack.add_channel("common", mei)
    assert (await office.examine(pack))["Slack steward ruth"].verdict is OK
