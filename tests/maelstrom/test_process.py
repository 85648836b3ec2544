"""A node as Maelstrom starts it: a process with standard input and output."""

import json
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

from support.command_line import environment, raftplay


def ask(process: "subprocess.Popen[str]", msg_id: int, **body: Any) -> dict[str, Any]:
    """Send one message and return the reply to it, of those that come."""
    source, target = process.stdout, process.stdin
    assert source is not None
    assert target is not None
    _send(target, {"src": "c1", "dest": "n1", "body": {**body, "msg_id": msg_id}})
    while True:
        answer: dict[str, Any] = json.loads(source.readline())["body"]
        if answer.get("in_reply_to") == msg_id:
            return answer


def _send(target: IO[str], message: object) -> None:
    target.write(json.dumps(message) + "\n")
    target.flush()


def started(*options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "raftplay.cli", "maelstrom", "--timing", "election=20..30ms", *options]
    return subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )


def test_a_process_answers_and_its_disk_survives_a_kill(tmp_path: Path) -> None:
    folder = str(tmp_path / "disks")
    for round_, value in enumerate(["ä", "ö"]):
        with started("--data-dir", folder, "--timing", "heartbeat=10ms") as process:
            assert ask(process, 1, type="init", node_id="n1", node_ids=["n1"])["type"] == "init_ok"
            read = ask(process, 2, type="read", key="k")
            assert read.get("value") == (None if round_ == 0 else "ä")
            assert ask(process, 3, type="write", key="k", value=value)["type"] == "write_ok"
            process.kill()


def test_messages_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "messages"
    body = {"type": "init", "msg_id": 1, "node_id": "n1", "node_ids": ["n1", "n2"]}
    file.write_text(json.dumps({"src": "c1", "dest": "n1", "body": body}) + "\n")
    with file.open() as source:
        command = [sys.executable, "-m", "raftplay.cli", "maelstrom"]
        done = subprocess.run(
            command, stdin=source, capture_output=True, env=environment(), timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["body"]["type"] == "init_ok"


def test_the_end_of_standard_input_ends_it() -> None:
    done = raftplay("maelstrom", stdin=b"")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_what_is_no_message_is_told_by_its_line_and_ignored() -> None:
    init = json.dumps(
        {"src": "c", "dest": "n1", "body": {"type": "init", "msg_id": 1, "node_id": "n1", "node_ids": ["n1"]}}
    ).encode()
    done = raftplay(
        "maelstrom", stdin=b"\n".join([b"\xff", init, b'{"src": "c"}', b"[" * 100_000, b"[1]"]) + b"\n"
    )
    assert done.status == 0
    assert json.loads(done.out)["body"]["type"] == "init_ok"
    assert done.err.splitlines() == [
        f"Line {number} is ignored: it is not a JSON object with a body." for number in (1, 3, 4, 5)
    ]
