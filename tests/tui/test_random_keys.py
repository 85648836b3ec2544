"""Random keys, clicks and commands do not crash the screen; the longer runs are those of `support.random_keys`."""

import time
from pathlib import Path

import pytest
from support import headless
from support.random_keys import run


@pytest.mark.parametrize(("backend", "seed"), [("sim", 1), ("tcp", 2)])
def test_random_keys_clicks_and_commands_do_not_crash_the_screen(
    backend: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(headless, "paints_all", True)
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    end = time.monotonic() + 60
    assert run(backend, seed, lambda count: count < 25 and time.monotonic() < end) >= 25
