"""Runs tests that a seed draws, each alone in a process of its own: none may need another one to have run.

python -m tests.support.alone --draw 30 --seed 7
"""

import argparse
import random
import subprocess
import sys
import time

from .places import ROOT

LAYERS = ("tests/fast", "tests/spark", "tests/system")


def pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def all_tests() -> list[str]:
    """The ids of all tests, in their order."""
    listed = pytest("--collect-only", *LAYERS).stdout
    return [line for line in listed.splitlines() if "::" in line]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draw", type=int, default=30)
    parser.add_argument("--seed", type=int, required=True)
    asked = parser.parse_args()
    failed = []
    for test in random.Random(asked.seed).sample(all_tests(), asked.draw):
        started = time.monotonic()
        done = pytest(test)
        print(
            f"{'passed' if done.returncode == 0 else 'FAILED'} {time.monotonic() - started:6.1f} s  {test}",
            flush=True,
        )
        if done.returncode:
            failed.append(test)
            print(done.stdout)
    print(f"{asked.draw - len(failed)} of {asked.draw} tests passed alone (seed {asked.seed})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
