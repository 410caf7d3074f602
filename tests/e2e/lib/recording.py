"""Recordings of what people see, kept in docs/recordings. They are compared with what the program prints now, but for the times;
RECORD=1 writes them anew."""
import os
import re
from pathlib import Path

DIRECTORY = Path(__file__).resolve().parents[3] / "docs" / "recordings"
NAME = "docker-credential-kubeclarity"


def compare(name, about, arguments, code, out):
    """`about` says in a line where it was run and what is there."""
    text = f"# {about}\n$ {NAME} {' '.join(arguments)}\n{out}# exit code {code}\n"
    path = DIRECTORY / f"{name}.txt"
    if os.environ.get("RECORD"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    kept = path.read_text() if path.exists() else ""
    assert _without_times(kept) == _without_times(text), f"{path.name} differs; run with RECORD=1"


def _without_times(text):
    return re.sub(r" \(\d+\.\d ms\)", "", text)
