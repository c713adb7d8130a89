"""Where the project and its configuration are."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = os.environ.get("USERTAGS_CONFIGS", str(ROOT / "configs"))
