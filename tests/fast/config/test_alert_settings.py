"""What is wrong in `alerts` of project.yml is said with its line."""

from datetime import time
from pathlib import Path

import pytest

from tests.support.folders import PROJECT_YML, Folder
from usertags.config.alert_models import HookEntry, MailEntry, deadline_of

GOOD = """
alerts:
  by: "08:00"
  channels:
    duty_mail: {kind: smtp, connection: duty, to: [duty@shop.example], from: tags@shop.example}
    team_chat:
      kind: webhook
      connection: team_chat
      tell: [blocked, recovered]
      body: {card: {title: "{title}", lines: ["{text}", "{page}"]}, always: true}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder.small(tmp_path)
    folder.write(PROJECT_YML, folder.read(PROJECT_YML) + GOOD)
    return folder


def test_channels_are_read_in_their_order(folder: Folder) -> None:
    alerts = folder.project().alerts
    assert alerts is not None
    assert alerts.by == time(8)
    mail, chat = alerts.channels.values()
    assert isinstance(mail, MailEntry) and isinstance(chat, HookEntry)
    assert (mail.to, mail.from_, mail.tell) == (
        ["duty@shop.example"],
        "tags@shop.example",
        ["blocked", "warned", "late", "recovered"],
    )
    assert chat.tell == ["blocked", "recovered"]


def test_a_configuration_without_alerts_has_none(tmp_path: Path) -> None:
    folder = Folder.small(tmp_path)
    assert folder.project().alerts is None
    assert deadline_of(folder.path) is None
    assert deadline_of(tmp_path / "none") is None


def test_alerts_are_no_part_of_what_results_depend_on(folder: Folder) -> None:
    with_alerts = folder.project().version
    folder.write(PROJECT_YML, folder.read(PROJECT_YML).replace(GOOD, ""))
    assert folder.project().version == with_alerts


def test_the_deadline_is_read_without_the_rest(folder: Folder) -> None:
    folder.write("tags/tags.yml", "tags: [")
    assert deadline_of(folder.path) == (time(8), "Asia/Shanghai")
    folder.replace(PROJECT_YML, 'by: "08:00"', "by: soon")
    assert deadline_of(folder.path) is None


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ('by: "08:00"', "by: 25:00", "by", "alerts.by: '25:00' is not a time of day such as 08:00"),
        ('by: "08:00"', "by: 8", "by", "alerts.by: must be a time of day such as 08:00"),
        ("kind: smtp", "kind: smpt", "duty_mail", "smtp"),
        (
            "to: [duty@shop.example]",
            "to: [duty]",
            "to",
            "'duty' is not a mail address such as data@example.com",
        ),
        ("to: [duty@shop.example]", "to: []", "to", "at least 1 item"),
        (
            "connection: duty,",
            'connection: "a b",',
            "connection",
            "'a b' is not the id of an Airflow connection (letters, ",
        ),
        ("tell: [blocked, recovered]", "tell: [blocked, broken]", "tell", "did you mean blocked?"),
        ("tell: [blocked, recovered]", "when: [blocked]", "when", "unknown key 'when'"),
        ('"{title}"', '"{titel}"', "body:", "unknown placeholder {titel}"),
        ('"{title}"', '"{title"', "body:", "a brace that is not part of a placeholder"),
        ("kind: webhook", "kind: slack", "body:", "the body of slack is fixed"),
        (
            "team_chat:\n",
            "Team:\n",
            "Team",
            "'Team' is not a name (lowercase letters, digits and _, letter first) such as on_duty",
        ),
    ],
)
def test_each_mistake_is_named_with_its_line(
    folder: Folder, old: str, new: str, at: str, message: str
) -> None:
    folder.replace(PROJECT_YML, old, new)
    (problem,) = folder.problems()
    assert message in problem
    assert problem.startswith(f"{PROJECT_YML}:")
    line = int(problem.split(":")[1])
    shown = folder.read(PROJECT_YML).splitlines()[line - 1]
    assert at in shown
