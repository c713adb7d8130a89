"""Hashes of definitions: the same text gives the same version on every machine."""

import hashlib
import json
from typing import Any


def version_of(parts: Any) -> str:
    """A hash of `parts` (any JSON value) as twelve hex digits; a tree in it counts by its SQL."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
