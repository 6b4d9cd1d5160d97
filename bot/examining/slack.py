"""Whether Slack is set up as `docs/setting-up-slack.md` says: the app, its scopes, the rooms, the stewards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import aiohttp
from pydantic import SecretStr
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.channels.slack.installing import SCOPES
from bot.clock import Clock
from bot.examining.findings import (
    Explain,
    Finding,
    all_of,
    attempt,
    clock,
    failed,
    ok,
    skipped,
    unforeseen,
    warning,
)
from bot.messages import SLACK, Identity
from bot.pack import Pack, Room, Steward
from bot.settings import Settings

TOKEN: Final = "Slack token"
DESK: Final = "Slack stewards' room"
_INVITE = "Check its id (the room's name > About, at the very bottom) and write `/invite @{bot}` in the room."
_NEW_TOKEN = "Copy the Bot User OAuth Token (xoxb-…) from OAuth & Permissions into CONCIERGE_SLACK_BOT_TOKEN."
_ADVICE: Final[Mapping[str, str]] = {
    "invalid_auth": _NEW_TOKEN,
    "not_authed": _NEW_TOKEN,
    "account_inactive": "Install the app into the workspace again, and copy its new token.",
    "token_revoked": "Install the app into the workspace again, and copy its new token.",
    "missing_scope": "Paste the manifest from docs/ into App Manifest, then reinstall the app.",
    "ratelimited": "Slack asks for patience: try again in a minute.",
}


async def examine_slack(settings: Settings, pack: Pack, *, now: Clock, within: timedelta) -> tuple[Finding, ...]:
    """Everything about Slack, asked of Slack itself."""
    if settings.slack_bot_token is None:
        return _without_token(settings, pack)
    rounds = _Rounds(settings, pack, settings.slack_bot_token, now, within)
    me = await attempt(TOKEN, rounds.introduce(), within=within, explain=_explain)
    if isinstance(me, Finding):
        rest = skipped("Slack rooms and stewards", "not examined without a working token", "Mend the token first.")
        return (me, *await all_of([rounds.delivery()]), rest)
    checks = [rounds.delivery(), rounds.desk(me), *(rounds.room(me, room) for room in rounds.rooms)]
    checks += [rounds.steward(me, steward, identity) for steward, identity in rounds.stewards]
    return (*me.findings, *await all_of(checks))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Me:
    """Who the token is, and where."""

    team: str
    name: str
    findings: tuple[Finding, ...]


class _Rounds:
    """The questions that are asked of one workspace."""

    def __init__(self, settings: Settings, pack: Pack, token: SecretStr, now: Clock, within: timedelta) -> None:
        self._settings = settings
        self._now = now
        self._within = within
        self._client = AsyncWebClient(token.get_secret_value(), base_url=settings.slack_api, retry_handlers=[])
        self.rooms = tuple(room for room in pack.rooms if room.channel == SLACK)
        self.stewards = tuple(
            (steward, identity)
            for steward in pack.stewards.values()
            for identity in steward.identities
            if identity.channel == SLACK
        )

    async def introduce(self) -> _Me:
        """Who we are to Slack; raises what the client raises."""
        said = await self._client.auth_test()
        team, name = str(said["team_id"]), str(said["user"])
        findings = (
            _token(said),
            _scopes(said),
            clock("Slack", _header(said, "Date"), self._now()),
        )
        return _Me(team=team, name=name, findings=findings)

    async def delivery(self) -> Finding:
        """How Slack hands events over: through a socket that we open, or by calling us."""
        token = self._settings.slack_app_token
        if token is None:
            return _over_http(self._settings)
        asking = self._client.apps_connections_open(app_token=token.get_secret_value())
        said = await attempt("Slack Socket Mode", asking, within=self._within, explain=_explain_app_token)
        return said if isinstance(said, Finding) else ok("Slack Socket Mode", "Slack opens a connection for the app")

    async def room(self, me: _Me, room: Room) -> Finding:
        """One of the pack's rooms."""
        what = f"Slack room {room.room}"
        if room.team != me.team:
            return _elsewhere(what, room.team, me)

        async def look() -> Finding:
            return _room(what, await self._info(room.room), room, me)

        return await attempt(what, look(), within=self._within, explain=_explain_room(me))

    async def desk(self, me: _Me) -> Finding:
        """The stewards' room."""
        named = self._settings.slack_desk
        if named is None:
            told = "none; each steward has their desk in a direct message"
            return skipped(DESK, told, "For one room for all of them set CONCIERGE_SLACK_DESK=TEAM:CHANNEL.")
        team, _, room = named.partition(":")
        if not team or not room:
            return failed(DESK, f"{named!r} is not TEAM:CHANNEL", "Write it as CONCIERGE_SLACK_DESK=T0123456:C0123456.")
        if team != me.team:
            return _elsewhere(DESK, team, me)
        if room in {one.room for one in self.rooms}:
            told = f"{room} is one of the pack's rooms, where customers read along"
            return failed(DESK, told, "Make a private room of the stewards' own and name that one.")

        async def look() -> Finding:
            return _desk(await self._info(room), me)

        return await attempt(DESK, look(), within=self._within, explain=_explain_room(me))

    async def steward(self, me: _Me, steward: Steward, identity: Identity) -> Finding:
        """Whether Slack knows a steward as the pack does."""
        what = f"Slack steward {steward.id}"

        async def look() -> Finding:
            said = await self._client.users_info(user=identity.user)
            return _steward(what, said["user"], identity, me)

        return await attempt(what, look(), within=self._within, explain=_explain_user)

    async def _info(self, room: str) -> Mapping[str, Any]:
        return dict((await self._client.conversations_info(channel=room))["channel"])


# ── what an answer means ─────────────────────────────────────────────────────────────────────────────────────────────


def _without_token(settings: Settings, pack: Pack) -> tuple[Finding, ...]:
    has_id, has_secret = settings.slack_client_id is not None, settings.slack_client_secret is not None
    if has_id != has_secret:
        lacks = "CONCIERGE_SLACK_CLIENT_SECRET" if has_id else "CONCIERGE_SLACK_CLIENT_ID"
        told = "client id and client secret belong together, and one of them is missing"
        return (failed("Slack", told, f"Set {lacks} as well; both stand under Basic Information > App Credentials."),)
    if has_id:
        told = (
            "workspaces install the app themselves at /slack/install; their tokens, rooms and stewards are not examined"
        )
        do = "To examine one workspace, set its CONCIERGE_SLACK_BOT_TOKEN for this command."
        return (skipped(TOKEN, told, do), _over_http(settings))
    rooms = sum(room.channel == SLACK for room in pack.rooms)
    named = f"; the pack names {rooms} of its rooms" if rooms else ""
    return (skipped("Slack", f"not set up{named}", "Follow docs/setting-up-slack.md: ten minutes."),)


def _token(said: AsyncSlackResponse) -> Finding:
    where = f"{said.get('team')} ({said.get('team_id')}), as @{said.get('user')} ({said.get('user_id')})"
    if not said.get("bot_id"):
        return failed(TOKEN, f"{where}: the token is a person's, not the app's", _NEW_TOKEN)
    return ok(TOKEN, where)


def _scopes(said: AsyncSlackResponse) -> Finding:
    header = _header(said, "X-OAuth-Scopes")
    granted = {scope.strip() for scope in header.split(",")} - {""}
    missing, spare = sorted(set(SCOPES) - granted), sorted(granted - set(SCOPES))
    if missing:
        return failed("Slack scopes", f"missing: {', '.join(missing)}", _ADVICE["missing_scope"])
    if spare:
        do = "Take them away under OAuth & Permissions, and reinstall; nothing here uses them."
        return warning("Slack scopes", f"more than is needed: {', '.join(spare)}", do)
    return ok("Slack scopes", f"the {len(SCOPES)} that are needed, and no more")


def _over_http(settings: Settings) -> Finding:
    what = "Slack over HTTP"
    if settings.slack_signing_secret is None:
        return failed(
            what,
            "no signing secret: what comes could be from anybody, so nothing is accepted",
            "Copy it from Basic Information > App Credentials into CONCIERGE_SLACK_SIGNING_SECRET, or use Socket Mode.",
        )
    return ok(what, f"requests are checked; Slack must reach {settings.listen} as https://YOUR-HOST/slack/events")


def _elsewhere(what: str, team: str, me: _Me) -> Finding:
    told = f"it belongs to the workspace {team or '(none)'}, and the token to {me.team}"
    return failed(what, told, "Mend the team, or use the token of that workspace.")


def _room(what: str, channel: Mapping[str, Any], room: Room, me: _Me) -> Finding:
    closed = _closed(what, channel, me)
    if closed is not None:
        return closed
    shared = channel.get("is_ext_shared")
    if shared is None:
        told = f"#{channel.get('name')}: Slack does not say whether it is shared outside"
        return warning(what, told, "It is treated as shared; look at it in Slack, under the room's name > Settings.")
    kind = "private" if channel.get("is_private") else "public"
    with_whom = "shared with another organisation (Slack Connect)" if shared else "not shared outside"
    pending = "; an invitation to another organisation is pending" if channel.get("is_pending_ext_shared") else ""
    about = f"mission {room.mission}" if room.mission else "no mission: only what everyone may read"
    return ok(what, f"#{channel.get('name')}, {kind}, {with_whom}{pending}; {about}")


def _desk(channel: Mapping[str, Any], me: _Me) -> Finding:
    closed = _closed(DESK, channel, me)
    if closed is not None:
        return closed
    name = f"#{channel.get('name')}"
    if channel.get("is_private") is not True:
        do = "Make it private (room's name > Settings > Change to a private channel), or name another one."
        return failed(DESK, f"{name} is public: everybody in the workspace could read about customers", do)
    if channel.get("is_ext_shared") is not False or channel.get("is_pending_ext_shared"):
        told = f"{name} is shared with another organisation, or about to be, or Slack does not say"
        return failed(DESK, told, "Use a room that only your own workspace has.")
    return ok(DESK, f"{name}, private, not shared outside")


def _closed(what: str, channel: Mapping[str, Any], me: _Me) -> Finding | None:
    name = f"#{channel.get('name')}"
    if channel.get("is_archived"):
        return failed(what, f"{name} is archived", "Open it again in Slack, or take it out of the pack.")
    if not channel.get("is_member"):
        return failed(what, f"the app is not in {name}", _INVITE.format(bot=me.name))
    return None


def _steward(what: str, user: Mapping[str, Any], identity: Identity, me: _Me) -> Finding:
    where = f"{user.get('real_name') or user.get('name')} ({identity.user})"
    if user.get("team_id") != identity.team:
        told = f"{where} is of the team {user.get('team_id')}; the pack says {identity.team}"
        return failed(what, told, "Mend the team in pack.yaml: otherwise nobody takes them for this steward.")
    if user.get("deleted") or user.get("is_bot"):
        kind = "a bot" if user.get("is_bot") else "deactivated"
        return failed(what, f"{where} is {kind}", "Name the steward's own account in pack.yaml.")
    if identity.team != me.team and user.get("is_stranger", True):
        told = f"{where} is of another organisation and shares no room with the app"
        return warning(what, told, "Share a room with them; until then they cannot be written to directly.")
    return ok(what, where)


# ── what an error means ──────────────────────────────────────────────────────────────────────────────────────────────


def _header(said: AsyncSlackResponse, name: str) -> str:
    found = {key.lower(): value for key, value in said.headers.items()}
    return str(found.get(name.lower(), ""))


def _code(error: Exception) -> str | None:
    """Slack's word for what is wrong, where it was Slack who said so."""
    if not isinstance(error, SlackApiError):
        return None
    answer = error.response
    status = getattr(answer, "status_code", None)
    code = answer.get("error") if isinstance(answer, AsyncSlackResponse) and isinstance(answer.data, dict) else None
    return str(code or f"status {status}")


def _explain(error: Exception) -> tuple[str, str]:
    code = _code(error)
    if code is not None:
        return f"Slack said {code}", _ADVICE.get(code, f"Look up {code} at https://docs.slack.dev/reference/methods.")
    if isinstance(error, aiohttp.ClientError | OSError):
        return f"Slack cannot be reached: {error}", "Check the network, a proxy, and CONCIERGE_SLACK_API."
    return unforeseen(error)


def _explain_app_token(error: Exception) -> tuple[str, str]:
    told, do = _explain(error)
    if _code(error) in {"invalid_auth", "not_authed", "not_allowed_token_type", "missing_scope"}:
        do = (
            "Make an app-level token (xapp-…) with the scope connections:write under Basic Information > App-Level "
            "Tokens, and put it into CONCIERGE_SLACK_APP_TOKEN."
        )
    return told, do


def _explain_room(me: _Me) -> Explain:
    def explain(error: Exception) -> tuple[str, str]:
        if _code(error) == "channel_not_found":
            return "Slack knows no such room, or it is private and the app is not in it", _INVITE.format(bot=me.name)
        return _explain(error)

    return explain


def _explain_user(error: Exception) -> tuple[str, str]:
    if _code(error) in {"user_not_found", "user_not_visible"}:
        told = "Slack does not know this person from here"
        return told, "Copy the member id (their profile > ⋮ > Copy member ID) into pack.yaml."
    return _explain(error)
