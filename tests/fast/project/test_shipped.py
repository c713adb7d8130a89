"""The project that ships: that it is wide, that its tags differ, and that each says what it is."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.support.places import EXAMPLES, ROOT
from usertags.cli.measure_list import undescribed
from usertags.project.build import load_project
from usertags.project.model import Measure, Project, Tag

GROUPS = {
    "基础属性": "basic",
    "行为属性": "behaviour",
    "商业属性": "commercial",
    "消费属性": "consumption",
    "偏好": "preference",
    "健康属性": "health",
    "生命周期": "lifecycle",
    "场景标签": "scenes",
    "显性标签": "explicit",
    "营销时机": "timing",
}


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(ROOT / "configs")


@pytest.mark.parametrize(
    "folder", [ROOT / "configs", *sorted(EXAMPLES.iterdir())], ids=lambda folder: folder.name
)
def test_every_measure_has_a_description_and_an_owner(folder: Path) -> None:
    project = load_project(folder)
    assert project.measures
    assert undescribed(project) == []


def test_every_group_has_tags_and_there_are_many(project: Project) -> None:
    groups = Counter(tag.path[0] for tag in project.published_tags())
    assert {name: project.levels[name] for name in groups} == GROUPS
    assert groups.total() >= 110
    assert min(groups.values()) >= 5


def test_a_tag_has_a_chinese_name_an_english_one_and_examples(project: Project) -> None:
    for tag in project.tags.values():
        assert re.search(r"[\u4e00-\u9fff]", tag.name), tag.id
        assert re.search(r"[\u4e00-\u9fff]", tag.description), tag.id
        assert tag.title.isascii(), tag.id
        assert len(tag.examples) >= 2, tag.id


def test_examples_of_a_tag_come_out_differently(project: Project) -> None:
    """An edge has two sides."""
    for tag in project.tags.values():
        assert len({str(example.expect) for example in tag.examples}) >= 2, tag.id


def test_few_tags_differ_from_another_in_the_window_alone(project: Project) -> None:
    rules = Counter(_without_windows(tag, project) for tag in project.published_tags())
    alike = [tag.id for tag in project.published_tags() if rules[_without_windows(tag, project)] > 1]
    assert alike == ["monthly_spend", "quarterly_spend", "half_year_spend", "yearly_spend"]


def _without_windows(tag: Tag, project: Project) -> tuple[object, ...]:
    """The rule with what each measure counts in place of its name."""
    counted = {name: _counted(measure) for name, measure in project.measures.items()}
    rule = re.sub(r"\w+", lambda found: counted.get(found[0], found[0]), str(tag.tree))
    return tag.kind, tag.type, rule, tag.follows


def _counted(measure: Measure) -> str:
    return f"{measure.function} of {[partial.id for partial in measure.partials]}"
