"""Alerts over a real lake, by Airflow's notifiers, to a real mail server and a real HTTP server."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.support.folders import SMALL
from tests.support.quality_rows import check, ended, publication
from tests.support.receivers import Answer, HookServer, MailServer
from usertags.alerts import Delivery, pending, require_sent, send_due, send_unknown
from usertags.cli.app import main
from usertags.config.alert_models import KINDS
from usertags.errors import InfrastructureError
from usertags.project.build import load_project
from usertags.project.model import Project
from usertags.quality.alerting import CLAIM, Entry
from usertags.quality.kinds import CheckKind
from usertags.stages.alert_ledger import Ledger
from usertags.store.lake import Lake, open_lake
from usertags.store.schemas import ALERTS, CHECKS, PUBLICATIONS, RUNS, TableSpec
from usertags.store.tables import ensure_table

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
# The run of D2 ends at 02:05 of March 3rd in Shanghai, 18:05 of the day before in UTC; 08:00 is midnight.
NIGHT = datetime(2026, 3, 2, 18, 10, tzinfo=UTC)
MORNING = datetime(2026, 3, 3, 0, 0, tzinfo=UTC)
BASE = "https://airflow.shop.example"
ALERTING = """
alerts:
  by: "08:00"
  channels:
    duty: {kind: smtp, connection: duty_mail, to: [duty@shop.example, lead@shop.example]}
    chat: {kind: slack, connection: duty_chat}
"""


@dataclass
class Office:
    """A lake whose tables a test fills, and the two receivers."""

    project: Project
    lake: Lake
    mail: MailServer
    hook: HookServer

    def put(self, spec: TableSpec, *rows: dict[str, Any]) -> None:
        known = set(spec.schema.names)
        table = ensure_table(self.lake, spec.name, spec.schema, spec.partition)
        full = [{name: value for name, value in row.items() if name in known} for row in rows]
        table.append(pa.Table.from_pylist(full, schema=spec.schema))

    def publish(self, day: date, verdict: str = "passed", **more: Any) -> None:
        table = ensure_table(self.lake, PUBLICATIONS.name, PUBLICATIONS.schema, PUBLICATIONS.partition)
        table.delete(f"dt = '{day}'")
        self.put(PUBLICATIONS, publication(day, verdict, **more))

    def block(self, day: date, hour: int = 18) -> None:
        """A run that the clean checks refuse, for one failed check; another one warns."""
        self.put(
            CHECKS,
            check(
                day,
                CheckKind.IN_RANGE,
                "amount",
                success=False,
                hour=hour,
                rows=40,
                unexpected=3,
                samples=({"order_id": "A4"},),
                details={"min": 0, "max": 100},
            ),
            check(day, CheckKind.IN_VALUES, "city", success=False, severity="warning", hour=hour),
            check(day, CheckKind.UNIQUE_KEY, subject="order_id", hour=hour),
        )
        self.put(RUNS, ended(day, "clean", "refused", hour=hour))

    def send_due(self, now: datetime = NIGHT) -> list[Delivery]:
        return send_due(self.project, self.lake, now=now)

    def subjects(self) -> list[str]:
        found = [str(message["subject"]) for message in self.mail.messages]
        self.mail.messages.clear()
        return found

    def chat(self) -> list[str]:
        """The first line of each message that the chat got."""
        found = [body["text"].splitlines()[0] for body in self.hook.posted]
        self.hook.posted.clear()
        return found


@pytest.fixture(scope="module")
def shared(
    new_project_folder: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    project_folder = new_project_folder(SMALL)
    with (project_folder.path / "project.yml").open("a") as file:
        file.write(ALERTING)
    project = load_project(project_folder.path)
    with MailServer() as mail, HookServer() as hook, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        patch.setenv("AIRFLOW__API__BASE_URL", BASE)
        patch.setenv("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")
        patch.setenv("AIRFLOW_CONN_DUTY_MAIL", mail.connection)
        patch.setenv("AIRFLOW_CONN_DUTY_CHAT", hook.connection)
        yield Office(project, open_lake(project), mail, hook)


@pytest.fixture
def office(shared: Office) -> Office:
    """Empty tables but for D1, which is published; receivers that take everything."""
    for spec in (ALERTS, CHECKS, RUNS, PUBLICATIONS):
        ensure_table(shared.lake, spec.name, spec.schema, spec.partition).delete("true")
    shared.publish(D1)
    shared.mail.messages.clear()
    shared.mail.recipients.clear()
    shared.hook.posted.clear()
    shared.hook.paths.clear()
    shared.mail.refuse, shared.hook.answer = False, Answer()
    return shared


BLOCKED = "[small] 2026-03-02 is blocked: 1 critical check failed"
GOOD = "[small] 2026-03-02 is good again: published"
LATE = "[small] 2026-03-02 is not published by 08:00"


def html(mail: Any) -> str:
    return str(mail.get_body(("html",)).get_content())


def test_a_good_day_sends_nothing(office: Office) -> None:
    office.publish(D2)
    assert office.send_due(MORNING) == []
    assert Ledger(office.lake).entries == []


def test_a_blocked_day_is_reported_with_what_failed_and_where_to_look(office: Office) -> None:
    office.block(D2)
    assert [(item.channel, item.sent) for item in office.send_due()] == [("duty", True), ("chat", True)]
    (mail,) = office.mail.messages
    assert office.mail.recipients == [["duty@shop.example", "lead@shop.example"]]
    assert (mail["subject"], mail["from"]) == (BLOCKED, "tags@shop.example")
    shown = html(mail)
    for part in (
        "amount in its range",
        "clean.orders",
        "3 failing rows",
        "have it corrected",
        "Readers still see 2026-03-01.",
        f"{BASE}/usertags/quality/day/2026-03-02",
        f"{BASE}/usertags/runbook#in-its-range",
    ):
        assert part in shown
    (chat,) = office.hook.posted
    assert chat["text"].splitlines() == [
        BLOCKED,
        "Its clean checks refused it. Nothing of it is published, and later days wait.",
        "Readers still see 2026-03-01.",
        "",
        "critical: clean.orders: amount in its range",
        "  observed 3 failing rows of 40, expected 0 to 100",
        "  affects 2 tags: important, size",
        "  owner: finance. Do: have it corrected",
        f"  {BASE}/usertags/runbook#in-its-range",
        "",
        f"The day: {BASE}/usertags/quality/day/2026-03-02",
        f"Runbook: {BASE}/usertags/runbook#in-its-range",
    ]
    assert office.hook.paths == ["/services/T0/B0/s3cret"]
    assert "A4" not in shown + chat["text"]


def test_retries_and_reruns_of_the_same_day_send_nothing_again(office: Office) -> None:
    office.block(D2)
    office.send_due()
    office.block(D2, hour=19)
    assert office.send_due() == []
    assert office.send_due(NIGHT + timedelta(hours=1)) == []
    assert (office.subjects(), office.chat()) == ([BLOCKED], [BLOCKED])


def test_one_message_when_it_is_good_again_and_the_next_fault_is_reported_again(office: Office) -> None:
    office.block(D2)
    office.send_due()
    office.publish(D2, hour=20)
    office.send_due()
    office.send_due()
    assert office.chat() == [BLOCKED, GOOD]
    office.block(D2, hour=21)
    office.send_due()
    assert office.chat() == [BLOCKED]
    assert "Readers still see an earlier run of 2026-03-02 (" in html(office.mail.messages[-1])


def test_a_warned_day_is_reported_once_and_a_release_says_what_was_released(office: Office) -> None:
    office.put(CHECKS, check(D2, CheckKind.IN_VALUES, "city", success=False, severity="warning"))
    office.publish(D2, "warned")
    office.send_due()
    office.send_due(MORNING)
    assert office.chat() == ["[small] 2026-03-02 is published with 1 warning"]
    office.block(D2, hour=20)
    office.send_due()
    office.publish(D2, "released", hour=21, released_by="Wang Fang", release_reason="Li Lei confirmed it")
    office.send_due()
    blocked, released = office.hook.posted
    assert blocked["text"].startswith(BLOCKED)
    assert released["text"].startswith(f"{GOOD}, released by a person\nReaders see this day.\n")
    assert "amount in its range" in released["text"]
    assert "Wang" not in released["text"] and "Li Lei" not in released["text"]


def test_a_day_that_nobody_started_is_late_at_the_time_and_not_before(office: Office) -> None:
    assert office.send_due(MORNING - timedelta(seconds=1)) == []
    office.send_due(MORNING)
    office.send_due(MORNING + timedelta(hours=1))
    (chat,) = office.hook.posted
    assert chat["text"].splitlines()[:3] == [
        LATE,
        "None of its stages has ended: check whether its run was started and its sources were read.",
        "Readers still see 2026-03-01.",
    ]
    assert chat["text"].endswith(f"Runbook: {BASE}/usertags/runbook#not-published-in-time")
    office.publish(D2, hour=23)
    office.send_due(MORNING + timedelta(hours=2))
    assert office.chat() == [LATE, GOOD]


def test_a_blocked_day_is_late_as_well_and_the_one_behind_it_waits(office: Office) -> None:
    office.block(D2)
    office.send_due()
    office.send_due(MORNING)
    assert office.chat() == [BLOCKED, LATE]
    office.send_due(MORNING + timedelta(days=1))
    (chat,) = office.hook.posted
    assert "2026-03-03 is not published by 08:00\nIt waits for 2026-03-02, which is blocked." in chat["text"]


def test_what_a_receiver_did_not_take_is_sent_the_next_time_and_the_other_hears_it_once(
    office: Office,
) -> None:
    office.block(D2)
    office.mail.refuse = True
    deliveries = office.send_due()
    assert [(item.channel, item.sent, item.note) for item in deliveries] == [
        ("duty", False, "SMTPDataError"),
        ("chat", True, ""),
    ]
    with pytest.raises(InfrastructureError, match="1 of 2 messages were not sent") as caught:
        require_sent(deliveries)
    assert "shop.example" not in str(caught.value).replace(BASE, "")
    office.mail.refuse = False
    assert [item.channel for item in office.send_due()] == ["duty"]
    assert office.send_due() == []
    assert (office.subjects(), office.chat()) == ([BLOCKED], [BLOCKED])


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (Answer(500, b"no"), "answered 500"),
        (Answer(302, b""), "answered 302"),
        (Answer(200, b'{"errcode": 310000, "errmsg": "keywords not in content"}'), "answered errcode 310000"),
        (Answer(200, b'{"code": 19021, "msg": "sign match fail"}'), "answered code 19021"),
    ],
)
def test_a_hook_that_says_no_has_not_taken_it(office: Office, answer: Answer, note: str) -> None:
    office.block(D2)
    office.hook.answer = answer
    found = {item.channel: item.note for item in office.send_due()}
    assert found == {"duty": "", "chat": note}


def test_a_receiver_that_is_down_keeps_its_secret(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    address = {"conn_type": "http", "host": "http://127.0.0.1:9/services", "password": "s3cret"}
    monkeypatch.setenv("AIRFLOW_CONN_DUTY_CHAT", json.dumps(address))
    office.block(D2)
    (_, chat) = office.send_due()
    assert (chat.sent, chat.note) == (False, "did not answer (URLError)")
    assert all("s3cret" not in entry.note for entry in Ledger(office.lake).entries)


def test_a_channel_that_does_not_exist_in_airflow_loses_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = os.environ["AIRFLOW_CONN_DUTY_MAIL"]
    monkeypatch.delenv("AIRFLOW_CONN_DUTY_MAIL")
    office.block(D2)
    assert [(item.channel, item.sent) for item in office.send_due()] == [("duty", False), ("chat", True)]
    monkeypatch.setenv("AIRFLOW_CONN_DUTY_MAIL", connection)
    office.send_due()
    assert office.subjects() == [BLOCKED]


def test_two_who_look_at_once_send_it_once(office: Office) -> None:
    """Both read the ledger before either writes to it."""
    office.block(D2)
    met = threading.Barrier(2)
    refresh = Ledger.refresh
    first = threading.local()

    def refreshed(ledger: Ledger) -> None:
        refresh(ledger)
        if not getattr(first, "done", False):
            first.done = True
            met.wait(30)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "refresh", refreshed)
        found: list[list[Delivery]] = []
        senders = [threading.Thread(target=lambda: found.append(office.send_due())) for _ in range(2)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(120)
    assert sorted(len(deliveries) for deliveries in found) == [0, 2]
    assert (office.subjects(), office.chat()) == ([BLOCKED], [BLOCKED])


def test_whoever_dies_while_sending_leaves_it_to_the_next(office: Office) -> None:
    office.block(D2)

    def die(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send_due(office.project, office.lake, send=die, now=NIGHT)
    assert office.send_due(NIGHT + CLAIM - timedelta(seconds=1)) == []
    assert len(office.send_due(NIGHT + CLAIM)) == 2
    assert office.chat() == [BLOCKED]


def test_the_ledger_is_a_table_that_anybody_can_read(office: Office) -> None:
    office.block(D2)
    office.send_due()
    rows = office.lake.catalog.load_table("ops.alerts").scan().to_arrow().to_pylist()
    found = sorted((row["number"], row["channel"], row["kind"], row["status"]) for row in rows)
    assert found == [
        (1, "duty", "blocked", "claimed"),
        (2, "chat", "blocked", "claimed"),
        (3, "duty", "blocked", "sent"),
        (4, "chat", "blocked", "sent"),
    ]


def test_a_claim_on_a_ledger_that_somebody_else_has_added_to_fails(office: Office) -> None:
    mine, other = Ledger(office.lake), Ledger(office.lake)
    entry = Entry(D2, 0, "chat", "blocked", "claimed", "blocked", "c1", NIGHT)
    assert other.claim([entry])
    assert not mine.claim([entry])
    mine.refresh()
    assert [each.number for each in mine.entries] == [1]
    other.add(entry)
    mine.add(entry)
    mine.refresh()
    assert [each.number for each in mine.entries] == [1, 2, 3]


def test_tables_that_do_not_answer_are_reported_to_the_channels_for_late_days(office: Office) -> None:
    deliveries = send_unknown(office.project, now=MORNING)
    assert [(item.channel, item.sent) for item in deliveries] == [("duty", True), ("chat", True)]
    (chat,) = office.hook.posted
    assert chat["text"].splitlines() == [
        "[small] it is unknown whether 2026-03-02 is published: the tables do not respond",
        "The table catalog or its storage is down, or rejects the credentials. No data is lost.",
        "Readers may get errors until it is available again.",
        "",
        f"The day: {BASE}/usertags/quality/day/2026-03-02",
        f"Runbook: {BASE}/usertags/runbook#exit-code-4",
    ]


def test_the_command_shows_and_sends(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command looks at the clock by itself: it is the morning after."""

    class Morning(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return MORNING.astimezone(tz)

    monkeypatch.setattr("usertags.alerts.datetime", Morning)
    office.block(D2, hour=19)
    monkeypatch.setenv("USERTAGS_LAST_DAY", str(D2))

    def command(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["usertags", "--configs", str(office.project.folder), *arguments])
        with pytest.raises(SystemExit) as ended_with:
            main()
        return int(ended_with.value.code or 0)

    assert command("alert", "--dry-run") == 0
    assert f"duty:\n{BLOCKED}\n" in capsys.readouterr().out
    assert office.hook.posted == []
    assert [channel for channel, _ in pending(office.project, office.lake)] == [
        "duty",
        "duty",
        "chat",
        "chat",
    ]
    office.hook.answer = Answer(503, b"")
    assert command("alert") == 4
    shown = capsys.readouterr()
    assert f"duty: {BLOCKED} (sent)" in shown.out and "usertags alert" in shown.err
    office.hook.answer = Answer()
    assert command("alert") == 0
    assert office.subjects() == [BLOCKED, LATE] and sorted(office.chat()) == sorted([BLOCKED, LATE])


def test_every_kind_is_sent_by_default(office: Office) -> None:
    assert office.project.alerts is not None
    assert [tuple(each.tell) for each in office.project.alerts.channels.values()] == [KINDS, KINDS]
