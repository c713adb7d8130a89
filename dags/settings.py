"""Where the project and its configuration are."""

import os
from pathlib import Path

from usertags.config.quality_models import owner_of

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = os.environ.get("USERTAGS_CONFIGS", str(ROOT / "configs"))
# Who has the tasks.
OWNER = owner_of(Path(CONFIGS))
