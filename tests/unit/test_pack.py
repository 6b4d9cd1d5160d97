"""A mission pack, loaded and validated: what it gives, and what is said when it is wrong."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import PackError
from bot.pack import Identity, Pack, care_for, load_pack, phase, phase_of
from escalation.policy import Severity, Unanswered

TODAY = date(2026, 11, 22)
MERIDIAN = Path(__file__).parents[2] / "examples" / "meridian"

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
    operators: {vehicle: meridian}
  aurora-3:
    name: Aurora 3
    launch: 2027-10-05T06:50:00Z
    landing: 2027-10-19T14:20:00Z
    training_starts: 2027-01-18
missions:
  portrait:
    flight: aurora-2
    customer: lena
    kind: art
    goal: Paint the terminator line.
    success: [One finished canvas comes home dry.]
    visibility: private
  second:
    flight: aurora-3
    customer: lena
    kind: art
    goal: Paint it again.
    success: []
customers:
  lena:
    name: Lena Voss
    language: en
    organisation: null
    identities:
      - {channel: telegram, user: "510001"}
      - {channel: slack, team: T0, user: U0LENA}
  walter: {name: Walter Finch, organisation: brightwell}
stewards:
  amara:
    name: Amara Okafor
    organisation: meridian
    timezone: Europe/Paris
    hours: "Mon-Fri 08:00-19:00, Sat 09:00-12:00"
    away: [{from: 2027-01-02, to: 2027-01-09}]
    topics: [medical]
    identities:
      - {channel: slack, team: T0, user: U0AMARA}
  duty:
    name: Ruth Calder
    timezone: Europe/London
    hours: always
care:
  default: {steward: amara, ladder: [duty]}
  portrait: {steward: duty, ladder: [amara]}
channels:
  - {channel: slack, team: T0, room: C0, mission: portrait}
  - {channel: telegram, room: "-100"}
"""

POLICY = """\
severities:
  watch: {}
  care: {acknowledge_within: 6h}
  critical: {acknowledge_within: 90s, notify: everyone_on_ladder}
rules:
  - name: crisis
    when: {cue: crisis}
    severity: critical
    topic: medical
    tell_customer: crisis
  - name: distress
    when: {cue: [anxiety, grief], intensity: {at_least: 0.8}}
    severity: urgent
  - name: unanswered twice
    when: {unanswered: {at_least: 2, within: 1h}}
    severity: care
messages:
  crisis: "I have called {steward}, who has {acknowledge_within}. It is {local_time} there."
"""


JUNK = [
    *("", "null", "{}", "[]", "[x]", "{x: y}", "5", "-1", ".inf", "true", "2027-02-30", "9999-12-31"),
    *(
        "!!bool maybe",
        "!!timestamp x",
        "!!int ''",
        "!!float x",
        "!odd x",
        "&a [*a]",
        "<<: {a: b}",
        "? ",
        "- ",
    ),
    *("99999999999999999999d", "00:00-24:00", "0001-01-01T00:00:00+14:00", "|", "\t", "\x00", "---"),
    *("[" * 3000, "1" * 5000),
]


def write(folder: Path, who: str = WHO, policy: str = POLICY, **documents: str) -> Path:
    """A pack in a folder; documents are Markdown files by name."""
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    (folder / "pack.yaml").write_text(who, encoding="utf-8")
    (folder / "policy.yaml").write_text(policy, encoding="utf-8")
    for name, text in {"handbook": "---\naudience: everyone\n---\nText.", **documents}.items():
        (folder / "documents" / f"{name}.md").write_text(text, encoding="utf-8")
    return folder


def problems(folder: Path) -> list[str]:
    with pytest.raises(PackError) as caught:
        load_pack(folder, today=TODAY)
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return load_pack(write(tmp_path), today=TODAY)


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) >= 1, f"{old!r} is not in the text"
    return text.replace(old, new, 1)


def test_a_pack_becomes_values(pack: Pack) -> None:
    """Everything that stands in the files is there, in their order, and what is left out has its default."""
    assert pack.provider == "meridian"
    assert list(pack.missions) == ["portrait", "second"]
    assert pack.flights["aurora-2"].launch == datetime(2027, 3, 14, 9, 20, tzinfo=UTC)
    assert pack.missions["portrait"].success == ("One finished canvas comes home dry.",)
    assert pack.missions["second"].visibility == "private"
    assert pack.customers["walter"].language == "en"
    assert pack.stewards["duty"].organisation == "meridian"
    assert pack.stewards["amara"].away == ((date(2027, 1, 2), date(2027, 1, 9)),)
    assert pack.care["portrait"].ladder == ("amara",)
    assert [room.mission for room in pack.rooms] == ["portrait", None]
    assert [document.id for document in pack.documents] == ["handbook"]
    assert pack.warnings == ()


def test_a_policy_becomes_values(pack: Pack) -> None:
    """Terms, rules in file order, and messages; `default` has built-in words."""
    terms = pack.policy.terms
    assert terms[Severity.care].acknowledge_within == timedelta(hours=6)
    assert terms[Severity.urgent].acknowledge_within == timedelta(minutes=15)
    assert terms[Severity.critical].notify_everyone
    crisis, distress, unanswered = pack.policy.rules
    assert (crisis.severity, crisis.topic, crisis.tell_customer) == (Severity.critical, "medical", "crisis")
    assert (distress.when.cue, distress.when.intensity) == (("anxiety", "grief"), 0.8)
    assert unanswered.when.unanswered == (Unanswered(at_least=2, within=timedelta(hours=1)),)
    assert set(pack.policy.messages) == {"crisis", "default"}


def test_people_are_found_by_id_and_by_identity(pack: Pack) -> None:
    """A Slack identity is user and team; whoever the pack does not name is a stranger."""
    assert pack.person("amara") is pack.stewards["amara"]
    assert pack.known_as(Identity(channel="slack", team="T0", user="U0LENA")) is pack.customers["lena"]
    assert pack.known_as(Identity(channel="slack", team="T1", user="U0LENA")) is None
    assert pack.known_as(Identity(channel="telegram", user="510001")) is pack.customers["lena"]
    assert [mission.id for mission in pack.missions_of("lena")] == ["portrait", "second"]
    room = pack.room("-100")
    assert room is not None
    assert room.channel == "telegram"


def test_the_one_pack_inside_a_folder_is_found(tmp_path: Path) -> None:
    """A folder with exactly one pack directly in it stands for that pack; with two it says which."""
    write(tmp_path / "one")
    assert load_pack(tmp_path, today=TODAY).folder == tmp_path / "one"
    write(tmp_path / "two")
    assert "several packs (one, two)" in problems(tmp_path)[0]


def test_a_folder_without_a_pack_says_so(tmp_path: Path) -> None:
    """Missing folders and missing files are named."""
    assert "no such folder" in problems(tmp_path / "nowhere")[0]
    assert "found no pack.yaml" in problems(tmp_path)[0]
    write(tmp_path)
    (tmp_path / "policy.yaml").unlink()
    assert "policy.yaml: found no such file" in problems(tmp_path)[0]


def test_a_provider_can_stand_alone(tmp_path: Path) -> None:
    """The least that is a pack: a provider, a steward, and the care that everybody falls back to."""
    who = "provider: p\nstewards: {a: {name: A, timezone: UTC, hours: always}}\ncare: {default: {steward: a}}\n"
    pack = load_pack(write(tmp_path, who, "rules: []\n"), today=TODAY)
    assert pack.organisations["p"].role == "provider"
    assert pack.warnings == ("policy.yaml has no rule of severity care or higher: nobody is called for any cue",)


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        (
            "provider: meridian",
            "provider: nobody",
            "line 1, provider",
            "found 'nobody', expected the id of an org",
        ),
        ("provider: meridian\n", "", "line 1", "found none, expected the key 'provider'"),
        (
            "provider: meridian",
            "provider: meridian\ncolour: red",
            "line 2, colour",
            "the unknown key 'colour'",
        ),
        ("provider: meridian", "provider: meridian\nprovider: x", "line 2", "'provider' a second time"),
        ("role: provider", "role: owner", "line 3, organisations.meridian.role", "one of provider, broker"),
        ("name: Brightwell,", "name: 5,", "line 4, organisations.brightwell.name", "found '5'"),
        ("T09:20:00Z", "T09:20:00", "line 8, flights.aurora-2.launch", "without a zone"),
        ("2027-03-14T09:20:00Z", "soon", "line 8, flights.aurora-2.launch", "found 'soon', expected a time"),
        (
            "2027-03-24T",
            "2027-03-04T",
            "line 9, flights.aurora-2.landing",
            "after the launch (2027-03-14T09:20Z)",
        ),
        ("2026-09-01", "2027-09-01", "line 10, flights.aurora-2.training_starts", "no later than the launch"),
        ("{vehicle: meridian}", "{vehicle: x}", "line 11, flights.aurora-2.operators.vehicle", "found 'x'"),
        (
            "{vehicle: meridian}",
            "{crew: meridian}",
            "line 11, flights.aurora-2.operators.crew",
            "unknown role",
        ),
        ("flight: aurora-2", "flight: aurora-9", "line 19, missions.portrait.flight", "(aurora-2, aurora-3)"),
        (
            "customer: lena",
            "customer: leno",
            "line 20, missions.portrait.customer",
            "id of a customer (lena, walter)",
        ),
        (
            "visibility: private",
            "visibility: secret",
            "line 24, missions.portrait.visibility",
            "found 'secret'",
        ),
        ("goal: Paint it again.\n    ", "", "line 25, missions.second", "the key 'goal'"),
        ("  second:", "  default:", "line 25, missions.default", "another id"),
        ("organisation: null", "organisation: x", "line 35, customers.lena.organisation", "found 'x'"),
        ('user: "510001"', "user: 510001", "line 37, customers.lena.identities[1].user", "in quotes"),
        (
            "{channel: telegram, user",
            "{channel: fax, user",
            "line 37, customers.lena.identities[1].channel",
            "fax",
        ),
        ("team: T0, user: U0LENA", "user: U0LENA", "line 38, customers.lena.identities[2]", "the key 'team'"),
        ("U0AMARA", "U0LENA", "line 41, stewards.amara", "slack T0 U0LENA, already an identity of 'lena'"),
        ("  walter:", "  duty:", "line 50, stewards.duty", "expected an id that no customer has"),
        ("  walter:", "  stranger:", "line 39, customers.stranger", "another id"),
        ("Europe/Paris", "Europe/Lutetia", "line 44, stewards.amara.timezone", "found 'Europe/Lutetia'"),
        ("Europe/Paris", "Europe", "line 44, stewards.amara.timezone", "a time zone such as"),
        ("Mon-Fri 08", "Mon-Fry 08", "line 45, stewards.amara.hours", "found 'Fry' in 'Mon-Fry"),
        (
            "to: 2027-01-09",
            "to: 2027-01-01",
            "line 46, stewards.amara.away[1].to",
            "no earlier than 2027-01-02",
        ),
        ("  default: {", "  second: {", "line 54, care", "the key 'default'"),
        ("  portrait: {s", "  fresco: {s", "line 56, care.fresco", "the unknown mission 'fresco'"),
        (
            "ladder: [duty]",
            "ladder: [duty, x]",
            "line 55, care.default.ladder[2]",
            "id of a steward (amara, duty)",
        ),
        ("ladder: [duty]", "ladder: duty", "line 55, care.default.ladder", "a list of stewards' ids"),
        ("mission: portrait", "mission: fresco", "line 58, channels[1].mission", "found 'fresco'"),
        ('room: "-100"', "room: C0", "line 59, channels[2].room", "'C0' a second time"),
        ('room: "-100"', 'room: "-100", team: T0', "line 59, channels[2].team", "only Slack has teams"),
        ("stewards:\n", "stewards: &loop\n  x: *loop\n", "line 42, stewards.x", ""),
        ("provider: meridian", "provider: [", "line 3", "YAML that cannot be read"),
        ("provider: meridian", "provider: a\x07", "line 1", "a character that YAML does not allow"),
    ],
)
def test_every_mistake_in_pack_yaml_has_its_place(tmp_path: Path, old: str, new: str, place: str, said: str) -> None:
    """File, line and key path, what was found, what was expected."""
    folder = write(tmp_path, changed(WHO, old, new))
    told = [one for one in problems(folder) if one.startswith(f"pack.yaml, {place}")]
    assert any(said in one for one in told), problems(folder)


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("watch: {}", "minor: {}", "line 2, severities.minor", "the unknown severity 'minor'"),
        (
            "watch: {}",
            "watch: {acknowledge_within: 4h}",
            "line 2, severities.watch.acknow",
            "nobody is called",
        ),
        ("6h", "6 hours", "line 3, severities.care.acknowledge_within", "90s, 15m, 4h or 3d"),
        ("6h", "0m", "line 3, severities.care.acknowledge_within", "found '0m'"),
        ("6h", "900d", "line 3, severities.care.acknowledge_within", "at most 366d"),
        ("6h", "15", "line 3, severities.care.acknowledge_within", "found '15'"),
        ("everyone_on_ladder", "all", "line 4, severities.critical.notify", "everyone_on_ladder"),
        ("name: distress", "name: crisis", "line 11, rules[2].name", "each name once"),
        ("cue: crisis", "cue: panic", "line 7, rules[1].when.cue", "one of the cues anxiety, anger"),
        ("{cue: crisis}", "{cue: []}", "line 7, rules[1].when.cue", "at least one"),
        ("{cue: crisis}", "{}", "line 7, rules[1].when", "at least one of cue, intensity"),
        ("{cue: crisis}", "{mood: bad}", "line 7, rules[1].when.mood", "the unknown key 'mood'"),
        ("{cue: crisis}", "{phase: orbit}", "line 7, rules[1].when.phase", "contemplation, agreement"),
        ("{cue: crisis}", "{strain: 0.6}", "line 7, rules[1].when.strain", "a mapping"),
        (
            "{cue: crisis}",
            "{strain: {at_least: 1.5}}",
            "line 7, rules[1].when.strain.at_least",
            "from 0 to 1",
        ),
        (
            "{cue: crisis}",
            "{strain: {at_least: .nan}}",
            "line 7, rules[1].when.strain.at_least",
            "from 0 to 1",
        ),
        (
            "{cue: crisis}",
            "{messages: {at_least: 0}}",
            "line 7, rules[1].when.messages.at_least",
            "1 or more",
        ),
        (
            "{cue: crisis}",
            "{messages: {at_least: 2.5}}",
            "line 7, rules[1].when.messages.at_least",
            "whole number",
        ),
        (
            "{cue: crisis}",
            "{unread_language: maybe}",
            "line 7, rules[1].when.unread_language",
            "true or false",
        ),
        (
            "{cue: crisis}",
            "{intensity: {at_least: 0.5}}",
            "line 7, rules[1].when.intensity",
            "a cue beside it",
        ),
        ("within: 1h", "within: soon", "line 15, rules[3].when.unanswered.within", "a duration"),
        ("severity: urgent", "severity: high", "line 13, rules[2].severity", "watch, care, urgent, critical"),
        (
            "tell_customer: crisis",
            "tell_customer: x",
            "line 10, rules[1].tell_customer",
            "message (crisis, default)",
        ),
        ("{steward}", "{name}", "line 18, messages.crisis", "found {name}, expected only {steward}"),
        ("    severity: urgent\n", "", "line 11, rules[2]", "the key 'severity'"),
    ],
)
def test_every_mistake_in_policy_yaml_has_its_place(tmp_path: Path, old: str, new: str, place: str, said: str) -> None:
    """Severities, durations, conditions, messages: each with its line and key path."""
    told = problems(write(tmp_path, policy=changed(POLICY, old, new)))
    assert any(one.startswith(f"policy.yaml, {place}") and said in one for one in told), told


def test_a_value_may_be_one_or_a_list(tmp_path: Path) -> None:
    """Of several values in a `when` any one suffices: of thresholds that is the lowest."""
    when = "{phase: [flight, return], strain: [{at_least: 0.9}, {at_least: 0.4}], unread_language: [true]}"
    pack = load_pack(write(tmp_path, policy=changed(POLICY, "{cue: crisis}", when)), today=TODAY)
    rule = pack.policy.rules[0].when
    assert (rule.phase, rule.strain, rule.unread_language) == (("flight", "return"), 0.4, (True,))


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    """Nothing is half-loaded, and nobody mends one mistake only to be told the next."""
    who = changed(changed(WHO, "role: provider", "role: owner"), "flight: aurora-2", "flight: aurora-9")
    policy = changed(POLICY, "cue: crisis", "cue: panic")
    document = "---\naudience: [flight:aurora-9, mission:portrait]\nowner: x\nreplaces: y\n---\n"
    told = problems(write(tmp_path, who, policy, guide=document))
    assert len(told) == 6
    assert any("documents/guide.md, line 2, audience: found 'flight:aurora-9'" in one for one in told)
    assert any("documents/guide.md, line 3, owner: found 'x'" in one for one in told)
    assert any("documents/guide.md, line 4, replaces: found 'y'" in one for one in told)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["pack.yaml", "policy.yaml"]), st.data())
def test_whatever_is_written_is_told_or_understood(tmp_path: Path, file: str, data: st.DataObject) -> None:
    """Junk at any place of a file makes problems, or sense, and never a crash."""
    text = WHO if file == "pack.yaml" else POLICY
    words = re.findall(r"[\w.\"-]+|[{}\[\]:,]", text)
    word = data.draw(st.sampled_from(sorted(set(words))))
    junk = data.draw(st.sampled_from(JUNK) | st.text(max_size=6))
    folder = write(tmp_path)
    (folder / file).write_text(text.replace(word, junk, 1), encoding="utf-8", errors="replace")
    with suppress(PackError):
        load_pack(folder, today=TODAY)


def test_a_ladder_that_leaves_a_minute_to_nobody_is_a_mistake(tmp_path: Path) -> None:
    """The minute and the zone are named; the zone is that of the care's own steward."""
    told = problems(write(tmp_path, changed(WHO, "hours: always", 'hours: "Sat-Sun 00:00-24:00, Mon 00:00-08:00"')))
    [gap] = [one for one in told if "care.default" in one]
    assert gap.startswith("pack.yaml, line 55, care.default")
    assert "nobody on duty from Mon 19:00 to Tue 08:00 Europe/Paris (first on 2026-11-23)" in gap
    assert any("care.portrait" in one and "Europe/London" in one for one in told)


def test_a_change_of_the_clocks_counts(tmp_path: Path) -> None:
    """Somebody in New York who relieves Paris exactly in winter is an hour late in the weeks between two
    changes.
    """
    who = changed(WHO, '"Mon-Fri 08:00-19:00, Sat 09:00-12:00"', '"08:00-20:00"')
    who = changed(changed(who, "Europe/London", "America/New_York"), "hours: always", 'hours: "14:00-02:00"')
    told = problems(write(tmp_path, who))
    assert any("from Mon 07:00 to Mon 08:00 Europe/Paris (first on 2027-03-15)" in one for one in told), told


def test_a_day_on_which_absences_leave_a_gap_is_a_warning(tmp_path: Path) -> None:
    """The pack can be used; the day is named, and the part of it, and for whom."""
    away = "hours: always\n    away: [{from: 2027-01-04, to: 2027-01-04}]"
    pack = load_pack(write(tmp_path, changed(WHO, "hours: always", away)), today=TODAY)
    assert pack.warnings == (
        "2027-01-04: because of absences nobody is on duty for default from 01:00 to 24:00 (Europe/Paris), "
        "for portrait from 00:00 to 24:00 (Europe/London)",
        "2027-01-05: because of absences nobody is on duty for default from 00:00 to 01:00 (Europe/Paris)",
    )


def test_absences_that_are_over_warn_nobody(tmp_path: Path) -> None:
    """Warnings begin today."""
    away = "hours: always\n    away: [{from: 2026-01-04, to: 2026-11-21}]"
    assert load_pack(write(tmp_path, changed(WHO, "hours: always", away)), today=TODAY).warnings == ()


def test_a_pack_without_documents_is_warned_of(tmp_path: Path) -> None:
    """It can be used, but it answers nothing."""
    shutil.rmtree(write(tmp_path) / "documents")
    assert load_pack(tmp_path, today=TODAY).warnings == (
        "documents/ holds no document: the concierge can answer nothing",
    )


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-08-31T23:59:59Z", "agreement"),
        ("2026-09-01T00:00:00Z", "preparation"),
        ("2027-03-14T09:19:59Z", "preparation"),
        ("2027-03-14T09:20:00Z", "flight"),
        ("2027-03-24T15:00:00Z", "return"),
        ("2027-04-23T15:00:00Z", "return"),
        ("2027-04-23T15:00:01Z", "reflection"),
    ],
)
def test_the_phases_of_a_flight(pack: Pack, moment: str, expected: str) -> None:
    """Each phase begins at its first moment; thirty days after landing, to the second, is still return."""
    assert phase(pack.flights["aurora-2"], datetime.fromisoformat(moment)) == expected


def test_the_phase_in_which_somebody_speaks(pack: Pack) -> None:
    """No mission is contemplation; a room's mission counts first; of several, flight before all others."""
    now = datetime(2027, 3, 20, tzinfo=UTC)
    assert phase_of(pack, "walter", None, now) == "contemplation"
    assert phase_of(pack, "walter", "portrait", now) == "contemplation"
    assert phase_of(pack, "lena", None, now) == "flight"
    assert phase_of(pack, "lena", "second", now) == "preparation"
    assert phase_of(pack, "lena", None, datetime(2027, 4, 1, tzinfo=UTC)) == "return"
    assert phase_of(pack, "lena", None, datetime(2027, 6, 1, tzinfo=UTC)) == "preparation"
    assert phase_of(pack, None, "portrait", now) == "flight"
    assert phase_of(pack, None, None, now) == "contemplation"


def test_who_stands_beside_whom(pack: Pack) -> None:
    """A mission's own care, or the default; outside a room the first of the customer's missions that has
    one.
    """
    assert care_for(pack, "lena", "portrait").steward == "duty"
    assert care_for(pack, "lena", "second").steward == "amara"
    assert care_for(pack, "lena", None).steward == "duty"
    assert care_for(pack, "walter", None).steward == "amara"
    assert care_for(replace(pack, care={"default": pack.care["default"]}), "lena", None).steward == "amara"


def test_the_example_is_a_pack_without_mistakes() -> None:
    """What operators are given to start from loads, and warns of nothing."""
    pack = load_pack(MERIDIAN, today=TODAY)
    assert pack.warnings == ()
    assert len(pack.missions) == 12
