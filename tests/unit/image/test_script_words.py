"""The words of the images' own scripts, which speak before envtool does: Korean where a person's language is."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from envtool.language import find_language

_SCRIPTS = Path(__file__).parents[3] / "images/hac-base/rootfs/opt/hac/bin"
_LANGUAGES: list[tuple[dict[str, str], bool]] = [
    ({}, False),
    ({"LANG": "C.UTF-8"}, False),
    ({"LANG": "ko_KR.UTF-8"}, True),
    ({"LANG": "ko"}, True),
    ({"LANG": "ko_KR.eucKR@hangul"}, True),
    ({"LANG": "korean"}, True),
    # Konkani.
    ({"LANG": "kok_IN.UTF-8"}, False),
    ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, False),
    ({"LANG": "ko_KR.UTF-8", "LC_ALL": ""}, True),
    ({"LANG": "C", "LC_MESSAGES": "ko_KR.UTF-8"}, True),
    ({"LC_ALL": "ko_KR.UTF-8", "HAC_LANG": "en"}, False),
    ({"LC_ALL": "C", "HAC_LANG": "ko"}, True),
    ({"LANG": "en_US.UTF-8", "LANGUAGE": "ko"}, True),
    ({"LANG": "en_US.UTF-8", "LANGUAGE": "de:ko_KR:en"}, True),
    ({"LANG": "ko_KR.UTF-8", "LANGUAGE": "de:en:ko"}, False),
    ({"LANG": "ko_KR.UTF-8", "LANGUAGE": "de"}, False),
    ({"LC_ALL": "C", "LANG": "ko_KR.UTF-8", "LANGUAGE": "ko"}, False),
    ({"LC_ALL": "C.UTF-8", "LANGUAGE": "ko"}, True),
    ({"LANGUAGE": "ko"}, True),
    ({"LANGUAGE": "ko", "HAC_LANG": "en"}, False),
]


def _copy_script(name: str, folder: Path) -> Path:
    """The script, for an environment in a folder that has no torch, with a guard that cannot be started."""
    settings = folder / "guard.conf"
    settings.write_text(f"hac_prefix={folder}\nhac_site={folder}/lib/python3.11/site-packages\nhac_torch=1.7.1\n")
    text = (_SCRIPTS / name).read_text()
    for place in ("/etc/hac/guard.conf", "/opt/hac/envtool/bin/hac-guard"):
        assert text.count(f"={place}\n") == 1
        text = text.replace(f"={place}\n", f"={folder}/{place.rpartition('/')[2]}\n")
    # In a container, what it leaves there ends with the instruction.
    text = text.replace("/dev/shm", str(folder))
    script = folder / name
    script.write_text(text)
    return script


def _run(script: Path, *arguments: str, variables: Mapping[str, str]) -> tuple[int, list[str]]:
    own = {"PATH": "/usr/bin:/bin", "HOME": str(script.parent), **variables}
    done = subprocess.run(["sh", script, *arguments], env=own, capture_output=True, encoding="utf-8")
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize(("variables", "is_korean"), _LANGUAGES)
def test_the_languages_of_scripts_are_the_programs(variables: dict[str, str], is_korean: bool) -> None:
    assert find_language(variables) == ("ko" if is_korean else "en")


@pytest.mark.parametrize(("variables", "is_korean"), _LANGUAGES)
def test_start_speaks_the_language_that_is_asked_for(
    variables: dict[str, str], is_korean: bool, tmp_path: Path
) -> None:
    script = _copy_script("hac-start", tmp_path)
    status, told = _run(script, "true", variables=variables | {"HAC_START": "fail"})
    assert (status, told) == (97, list(_START_KOREAN if is_korean else _START_ENGLISH))


_START_ENGLISH = (
    "hac-start: the vendor torch 1.7.1 is not what python imports here; run: envtool doctor",
    "hac-start: stopped, because of HAC_START=fail",
)
_START_KOREAN = (
    "hac-start: 여기서 python이 import하는 것은 벤더의 torch 1.7.1이(가) 아닙니다. 실행할 명령: envtool doctor",
    "hac-start: HAC_START=fail이므로 멈추었습니다",
)


def test_start_says_nothing_more_where_it_only_warns(tmp_path: Path) -> None:
    script = _copy_script("hac-start", tmp_path)
    assert _run(script, "true", variables={"LANG": "ko_KR.UTF-8"}) == (0, [_START_KOREAN[0]])


@pytest.mark.parametrize(("variables", "is_korean"), [_LANGUAGES[0], _LANGUAGES[2]])
def test_shell_speaks_the_language_that_is_asked_for(
    variables: dict[str, str], is_korean: bool, tmp_path: Path
) -> None:
    script = _copy_script("hac-shell", tmp_path)
    # Whatever makes an environment of its own is looked at.
    status, told = _run(script, "-c", ": venv", variables=variables)
    # But for what `sh` says of a guard that is not there.
    told = [line for line in told if not line.startswith(str(script))]
    assert status == 97
    if is_korean:
        assert told == [
            "hac-guard: 이 명령이 벤더의 torch를 손상시켰거나, 이미지의 베이스에서 torch를 실행할 수 없습니다",
            f"  발견         {tmp_path}/hac-guard을(를) 시작할 수 없습니다",
            f"  해결         /opt/hac과 {tmp_path}을(를) 그대로 두고, glibc를 사용하는 베이스를 쓰십시오",
            "hac-guard: 멈추었습니다. HAC_GUARD=warn이면 빌드를 계속합니다",
        ]
    else:
        assert told == [
            "hac-guard: this instruction damaged the vendor torch, or the image's base cannot run it",
            f"  found        {tmp_path}/hac-guard cannot be started",
            f"  fix          leave /opt/hac and {tmp_path} in place, and take a base with glibc",
            "hac-guard: stopped. HAC_GUARD=warn would let the build go on",
        ]
    warned = _run(script, "-c", ": venv", variables=variables | {"HAC_GUARD": "warn"})
    assert not any("HAC_GUARD=warn" in line for line in warned[1])
