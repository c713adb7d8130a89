"""Hashes that name a definition: the same words give the same version, on every machine."""

import hashlib
import json
from typing import Any


def version_of(parts: Any) -> str:
    """Twelve hex digits that stand for `parts` (anything that JSON can hold)."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
