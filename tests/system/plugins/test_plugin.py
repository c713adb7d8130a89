"""What a process loads that loads the plugin."""

import subprocess
import sys


def test_loading_the_plugin_imports_nothing_of_the_project() -> None:
    code = (
        "import sys, plugins.usertags_plugin\n"
        "names = ('usertags', 'plugins.usertags_quality', 'pyiceberg')\n"
        "print([name for name in names if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
