"""The faults in tests/mutations can still be put into the code, and each names the tests that notice it."""

from tests.mutations.run import load_faults, problems


def test_every_fault_has_its_place_and_its_tests() -> None:
    faults = load_faults()
    assert problems(faults) == []
    assert [fault.id for fault in faults if not fault.tests] == []
    assert len(faults) >= 60


def test_faults_are_spread_over_the_code() -> None:
    places = {
        fault.file.split("/")[2] if fault.file.startswith("jobs/") else fault.file.split("/")[0]
        for fault in load_faults()
    }
    assert places >= {
        "project", "cli", "config", "quality", "services", "sources", "stages", "store", "transform",
        "dags", "plugins",
    }  # fmt: skip
