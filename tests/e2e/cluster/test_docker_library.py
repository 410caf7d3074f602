"""What `cargo test` takes for the answers of Docker's helper library (tests/docker_library.rs) are its answers."""
import os
import subprocess
from pathlib import Path

RECORDED = Path(__file__).resolve().parents[2] / "data/docker_logins.jsonl"


def test_the_recorded_answers_are_the_library_s():
    said = subprocess.run(["docker-store"], check=True, capture_output=True, text=True).stdout
    if os.environ.get("RECORD"):
        RECORDED.write_text(said)
    assert RECORDED.read_text() == said, "tests/data/docker_logins.jsonl differs; run with RECORD=1"
