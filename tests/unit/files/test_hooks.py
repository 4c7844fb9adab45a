"""The hook: a program of the operator, kept on a short leash."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest

from certwright.api.meta import Key
from certwright.base.problem import Stalled
from certwright.files.hooks import OUTPUT_LIMIT, Hook, HookEnded, ProcessRunner, build_hook

CHANGED = (Key("default", "web"), Key("shop", "front"))


def a_program(folder: Path, text: str, mode: int = 0o700) -> Path:
    program = folder / "hook"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(mode)
    return program


async def run(folder: Path, text: str, limit: float = 10) -> HookEnded:
    program = a_program(folder, text)
    hook = build_hook(f"{program} 'one word' $HOME", folder, timedelta(seconds=limit))
    return await hook.run(ProcessRunner(), CHANGED)


async def test_the_names_are_in_a_clean_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")

    ended = await run(tmp_path, 'echo "$CERTWRIGHT_CHANGED|$CERTWRIGHT_OUT|$TOKEN|$HOME"')

    assert ended.succeeded
    assert ended.output == f"default/web shop/front|{tmp_path}||"


async def test_arguments_pass_no_shell(tmp_path: Path) -> None:
    ended = await run(tmp_path, 'echo "$#:$1:$2"')

    assert ended.output == "2:one word:$HOME"


async def test_a_failure_has_its_status_and_words(tmp_path: Path) -> None:
    ended = await run(tmp_path, "echo no such unit >&2; exit 3")

    assert not ended.succeeded
    assert str(ended) == "the hook ended with status 3: no such unit"


async def test_past_the_limit_the_whole_group_is_ended(tmp_path: Path) -> None:
    ended = await run(tmp_path, f"sleep 300 & echo $! > {tmp_path}/child; wait", limit=0.3)

    child = int((tmp_path / "child").read_text())
    assert ended.timed_out
    assert not await _is_running(child)


async def _is_running(pid: int) -> bool:
    for _ in range(100):
        if _state(pid) in {"", "Z"}:
            return False
        await asyncio.sleep(0.02)  # noqa: TID251  # a signal to another process takes its time
    return True


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return ""


async def test_a_daemon_left_behind_delays_nobody(tmp_path: Path) -> None:
    ended = await run(tmp_path, f"sleep 5 & echo $! > {tmp_path}/child; echo done", limit=4)

    os.kill(int((tmp_path / "child").read_text()), 9)
    assert ended.succeeded
    assert ended.output == "done"


async def test_output_is_capped_and_made_safe(tmp_path: Path) -> None:
    noise = "printf '\\033[31mred\\n'; head -c 1000000 /dev/zero | tr '\\0' x"

    ended = await run(tmp_path, noise)

    assert ended.output.startswith("\\x1b[31mred xxx")
    assert len(ended.output) < OUTPUT_LIMIT + 100  # what is escaped grows a little


async def test_a_private_key_in_the_output_is_scrubbed(tmp_path: Path) -> None:
    key = "-----BEGIN PRIVATE KEY-----\\nMIIsecret\\n-----END PRIVATE KEY-----"

    ended = await run(tmp_path, f"printf '%b' '{key}'")

    assert ended.output == "[redacted private key]"


def test_a_program_that_others_could_exchange_is_refused(tmp_path: Path) -> None:
    program = a_program(tmp_path, "true", mode=0o777)

    with pytest.raises(Stalled, match="writable by others"):
        build_hook(str(program), tmp_path, timedelta(seconds=1))


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(Stalled, match="no program for the hook"):
        build_hook("certwright-no-such-program --now", tmp_path, timedelta(seconds=1))


async def test_a_program_that_became_unsafe_is_not_started(tmp_path: Path) -> None:
    program = a_program(tmp_path, "true")
    hook = Hook(argv=(str(program),), out=tmp_path)
    program.chmod(0o722)

    with pytest.raises(Stalled):
        await hook.run(ProcessRunner(), CHANGED)
