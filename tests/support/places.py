"""Folders that tests read."""

from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
CASES, EXAMPLES = TESTS / "cases", ROOT / "examples"
SMALL = TESTS / "configs" / "small"
TINY_SHOP, FAULT_SHOP = CASES / "tiny_shop", CASES / "fault_shop"
WIDE_SHOP = CASES / "wide_shop"
