"""What a person copies when they set the concierge up: Slack's manifests, their explanation, and `.env.example`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from slack_sdk.web.async_client import AsyncWebClient

from bot.channels.slack.installing import SCOPES
from bot.settings import Settings

ROOT: Final = Path(__file__).parents[2]
GUIDE: Final = ROOT / "docs" / "setting-up-slack.md"
EXAMPLE: Final = ROOT / ".env.example"
CODE: Final = (*(ROOT / "bot" / "channels" / "slack").glob("*.py"), ROOT / "bot" / "examining" / "slack.py")
URL: Final = "https://concierge.example.com/slack/events"

READ: Final = {"channels:read", "groups:read", "im:read", "mpim:read"}
HISTORY: Final = {"channels:history", "groups:history", "im:history", "mpim:history"}

METHODS: Final[Mapping[str, set[str]]] = {
    "apps.connections.open": set(),  # an app-level token's
    "assistant.threads.setStatus": {
        "chat:write"
    },  # https://docs.slack.dev/changelog/2026/03/05/set-status-scope-update
    "auth.test": set(),
    "chat.delete": {"chat:write"},
    "chat.getPermalink": set(),
    "chat.postEphemeral": {"chat:write"},
    "chat.postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "conversations.history": HISTORY,
    "conversations.info": READ,
    "conversations.members": READ,
    "conversations.open": {"im:write"},
    "conversations.replies": HISTORY,
    "files.info": {"files:read"},
    "oauth.v2.access": set(),
    "reactions.add": {"reactions:write"},
    "users.info": {"users:read"},
    "views.open": set(),
    "views.publish": set(),
    "views.update": set(),
}
"""What Slack asks for a method, where it is called in every kind of room (https://docs.slack.dev/reference/methods)."""

EVENTS: Final[Mapping[str, set[str]]] = {
    "app_home_opened": set(),
    "app_mention": {"app_mentions:read"},
    "channel_id_changed": HISTORY - {"im:history"},
    "channel_shared": {"channels:read", "groups:read"},
    "channel_unshared": {"channels:read", "groups:read"},
    "member_joined_channel": {"channels:read", "groups:read"},
    "member_left_channel": {"channels:read", "groups:read"},
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
    "message.im": {"im:history"},
    "message.mpim": {"mpim:history"},
}
"""What Slack asks for an event (https://docs.slack.dev/reference/events)."""

FILES: Final = {"files:read"}
"""For what a message says of its files: neither a method nor an event."""


def manifest(mode: str) -> dict[str, Any]:
    """A manifest as Slack reads it."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "docs" / f"slack-manifest-{mode}.yaml").read_text("utf-8"))
    return found


@pytest.fixture(params=["http", "socket"])
def either(request: pytest.FixtureRequest) -> dict[str, Any]:
    return manifest(request.param)


def scopes(of: Mapping[str, Any]) -> list[str]:
    found: list[str] = of["oauth_config"]["scopes"]["bot"]
    return found


# ── the manifests ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_manifests_differ_only_where_the_mode_differs() -> None:
    """Over HTTP Slack must know where to call; with a socket there is no such place."""
    http, socket = manifest("http"), manifest("socket")
    expected = deepcopy(socket)
    expected["settings"]["socket_mode_enabled"] = False
    expected["settings"]["event_subscriptions"]["request_url"] = URL
    expected["settings"]["interactivity"]["request_url"] = URL
    expected["oauth_config"]["redirect_urls"] = [URL.replace("events", "oauth_redirect")]
    assert socket["settings"]["socket_mode_enabled"] is True
    assert http == expected


def test_people_can_write_to_the_app_press_its_buttons_and_open_its_home(either: dict[str, Any]) -> None:
    """The Messages tab takes messages, the Home tab is there, and presses come back."""
    assert either["features"]["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": False,
    }
    assert either["settings"]["interactivity"]["is_enabled"] is True


def test_tokens_stay_as_they_were_copied(either: dict[str, Any]) -> None:
    """A rotating token would expire in `.env` after twelve hours; an organisation-wide one belongs to no workspace."""
    assert either["settings"]["token_rotation_enabled"] is False
    assert either["settings"]["org_deploy_enabled"] is False


def test_texts_are_as_long_as_slack_allows(either: dict[str, Any]) -> None:
    """A manifest with a longer one is refused (https://docs.slack.dev/reference/app-manifest)."""
    assert len(either["display_information"]["name"]) <= 35
    assert len(either["display_information"]["description"]) <= 140
    assert re.fullmatch("[a-z0-9._-]{1,80}", either["features"]["bot_user"]["display_name"])


def test_every_event_has_its_scope(either: dict[str, Any]) -> None:
    """An event without its scope is never sent, and nobody says so."""
    events = either["settings"]["event_subscriptions"]["bot_events"]
    assert set(events) == EVENTS.keys()
    assert {scope for event in events for scope in EVENTS[event]} <= set(scopes(either))


# ── the code behind them ─────────────────────────────────────────────────────────────────────────────────────────────


def called() -> Iterator[str]:
    """Every method of Slack's API that the code calls."""
    for file in CODE:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and "_" in node.attr and _is_method(node.attr):
                yield node.attr.replace("_", ".")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "api_call":
                yield ast.literal_eval(node.args[0])


def _is_method(name: str) -> bool:
    return name != "api_call" and name[0].isalpha() and callable(getattr(AsyncWebClient, name, None))


def test_every_method_that_is_called_has_its_scope(either: dict[str, Any]) -> None:
    """A call without its scope fails only on the real Slack: no server of ours would notice."""
    methods = set(called())
    assert {"chat.postMessage", "auth.test"} <= methods
    assert methods <= METHODS.keys(), "look up what they need, and add them to METHODS"
    assert {scope for method in methods for scope in METHODS[method]} <= set(scopes(either))


def test_no_scope_is_asked_for_in_vain(either: dict[str, Any]) -> None:
    """Each scope is there for a method that is called, for an event, or for the files of a message."""
    needed = {scope for method in called() for scope in METHODS.get(method, ())}
    needed |= {scope for event in EVENTS.values() for scope in event} | FILES
    assert set(scopes(either)) == needed
    assert len(scopes(either)) == len(needed)


def test_the_doctor_looks_for_the_scopes_of_the_manifest(either: dict[str, Any]) -> None:
    """What was granted is compared with these."""
    assert set(scopes(either)) == set(SCOPES)


def test_the_guide_says_why_each_scope_is_needed() -> None:
    """Whoever presses Allow can read what for: a row a scope, and no row for another."""
    rows = dict(re.findall(r"^\| `([a-z_.]+:[a-z]+)` \| (.+) \|$", GUIDE.read_text("utf-8"), re.MULTILINE))
    assert rows.keys() == set(SCOPES)
    assert all(len(why.split()) >= 4 for why in rows.values())


# ── .env.example ─────────────────────────────────────────────────────────────────────────────────────────────────────

LINE: Final = re.compile(r"^#(CONCIERGE_[A-Z_]+)=(.*)$")


def offered() -> dict[str, tuple[str, str]]:
    """Each setting of `.env.example`, with its value and the line above it."""
    lines = EXAMPLE.read_text("utf-8").splitlines()
    found = ((LINE.match(line), above) for above, line in pairwise(lines))
    return {match[1]: (match[2], above) for match, above in found if match}


def test_every_setting_is_in_the_example_and_nothing_else() -> None:
    """Who reads `.env.example` knows all that can be set."""
    assert set(offered()) == {f"CONCIERGE_{name.upper()}" for name in Settings.model_fields}


def test_every_setting_is_explained_in_one_line() -> None:
    """The line above each is a sentence about it."""
    for name, (_, above) in offered().items():
        assert re.fullmatch(r"# \S.{15,}\.", above), name


def test_the_example_shows_what_a_setting_is_when_nobody_sets_it() -> None:
    """An empty value stands for none."""
    for name, (value, _) in offered().items():
        default = Settings.model_fields[name.removeprefix("CONCIERGE_").lower()].default
        assert value == ("" if default is None else str(default)), name


def test_a_copy_of_the_example_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever copies it to `.env` has the concierge that they had before."""
    for name in offered():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    before = Settings()
    (tmp_path / ".env").write_text(EXAMPLE.read_text("utf-8"), "utf-8")
    assert Settings() == before


def test_a_setting_that_is_left_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever removes the mark before a line of `.env` and writes nothing behind it has set nothing up."""
    monkeypatch.setenv("CONCIERGE_SLACK_BOT_TOKEN", "")
    assert Settings(_env_file=None).slack_bot_token is None  # type: ignore[call-arg]
