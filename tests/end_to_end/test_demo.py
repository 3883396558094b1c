"""``make demo ONCE=1``: the whole trip, with status 0 only if everything agreed."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demo_reads_back_exactly_what_was_promised(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")

    result = subprocess.run(
        [sys.executable, "-m", "examples.demo", "--once"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert "both hold exactly the occurrences promised" in result.stdout
    assert "not promised" not in result.stdout
