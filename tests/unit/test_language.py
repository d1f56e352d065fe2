"""The language of what a person reads: which one, what is told in it, and that nothing of it is missing."""

from __future__ import annotations

import os
import pickle
import re
import string
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from babel.messages.catalog import Message as CatalogMessage

from docs.generate.messages import compile_catalog, extract_messages, find_catalog, read_catalog
from docs.generate.page_messages import extract_page_messages, find_page_catalog, read_page_catalog
from envtool.errors import SettingsError, SpecError
from envtool.image.spec.table import read_table
from envtool.language import LANGUAGES, find_language, join_alternatives, join_listed, tell, translate
from envtool.release.read_profile import PROFILES, parse_profile
from envtool.requirements.resolution import VersionChange
from tests.support.environment import RealEnvironment

_FOREIGN = [language for language in LANGUAGES if language != "en"]
_PAGE_PLACE = re.compile(r"%\(\w+\)[sd]")


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "POSIX"}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.eucKR"}, "ko"),
        ({"LANG": "ko_KR.UTF-8@hangul"}, "ko"),
        ({"LANG": "ko-KR"}, "ko"),
        ({"LANG": "korean"}, "ko"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": ""}, "ko"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "ko"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LANGUAGE": "de:en:ko"}, "en"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "de:ko:en"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LANGUAGE": "de"}, "en"),
        ({"LANG": "ko_KR.UTF-8", "HAC_LANG": "en"}, "en"),
        ({"LANG": "en_US.UTF-8", "HAC_LANG": "ko"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_CTYPE": "C"}, "ko"),
        ({"LANG": "../../etc"}, "en"),
        ({"LC_ALL": "C", "LANGUAGE": "ko"}, "en"),
        ({"LC_ALL": "POSIX", "LANG": "ko_KR.UTF-8", "LANGUAGE": "ko"}, "en"),
        ({"LANG": "C", "LANGUAGE": "ko"}, "en"),
        ({"LC_MESSAGES": "C", "LANG": "ko_KR.UTF-8", "LANGUAGE": "ko"}, "en"),
        ({"LC_ALL": "C.UTF-8", "LANGUAGE": "ko"}, "ko"),
        ({"LC_ALL": "C", "HAC_LANG": "ko"}, "ko"),
        ({"LANGUAGE": "ko"}, "ko"),
    ],
)
def test_language_is_the_first_that_is_asked_for_and_there(variables: Mapping[str, str], language: str) -> None:
    assert find_language(variables) == language


def test_a_message_is_its_english_text_wherever_it_goes() -> None:
    message = tell("{count} files of {name} in {{here}}", count=3, name="torch")
    assert message == "3 files of torch in {here}"
    again = pickle.loads(pickle.dumps(message))
    assert (again, again.template, again.values) == (message, message.template, {"count": 3, "name": "torch"})


def test_a_message_is_told_anew_with_the_messages_in_it() -> None:
    inner = tell("torch is not installed")
    assert translate(tell("{what}", what=inner), "ko") == "torch가 설치되어 있지 않습니다"
    # A plain text that was put in is data, such as a name, and stays.
    assert translate(tell("{what}", what="torch is not installed"), "ko") == "torch is not installed"


def test_a_message_stays_one_through_str() -> None:
    message = tell("{what} {count}", what=tell("torch is not installed"), count=1)
    assert str(message) is message
    assert translate(str(ValueError(message)), "ko") == "torch가 설치되어 있지 않습니다 1"


def test_what_an_exception_says_is_told_anew_within_a_message() -> None:
    error = ValueError(tell("torch is not installed"))
    message = pickle.loads(pickle.dumps(tell("{what}: {error}", what=1, error=error)))
    assert message == "1: torch is not installed"
    assert translate(message, "ko") == "1: torch가 설치되어 있지 않습니다"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("id = ", "id = 1 # "), "id: 한 줄의 문자열이 아닙니다"),
        (("schema = 1", "schema = 9"), "schema: 9은(는) 알려진 것이 아닙니다. 알려진 것: 1"),
        (("title = ", "titel = "), "'titel'은(는) 알려진 키가 아닙니다"),
        (("[cure]", "[[cure]]"), "cure: 표가 아닙니다"),
        (("pattern = '", "pattern = '("), "정규 표현식이 아닙니다"),
    ],
)
def test_what_is_wrong_with_a_profile_is_told_in_korean(change: tuple[str, str], told: str) -> None:
    text = (PROFILES / "cpu.toml").read_text()
    assert change[0] in text
    with pytest.raises(SettingsError) as raised:
        parse_profile(text.replace(*change).encode(), Path("/mine/cpu.toml"))
    assert told in translate(raised.value.why, "ko")


def test_what_an_object_says_of_itself_is_told_anew_within_a_message() -> None:
    change = VersionChange("torch", "1.7.1", None)
    assert translate(tell("{change}!", change=change), "ko") == f"{translate(str(change), 'ko')}!"
    assert translate(str(change), "ko") != str(change)
    # Others stay what they are, such as for a form of their own.
    assert tell("{items!r}, {day:%d.%m.}", items=["a"], day=date(2026, 11, 28)) == "['a'], 28.11."


def test_problems_of_the_image_table_are_told_in_korean(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images/images.toml").write_text(
        '[image.a]\npython = "2"\nsize-budget = "1 TB"\nsized = 1\n[image.B]\n'
    )
    with pytest.raises(SpecError) as raised:
        read_table(tmp_path)
    assert "line 1: [image.a] base: is missing" in raised.value.why
    lines = translate(raised.value.why, "ko").splitlines()
    assert "1행: [image.a] base: 없습니다" in [line.strip() for line in lines]
    assert [line for line in lines if not re.search("[가-힣]{2}", line.partition("] ")[2])] == []


def test_words_between_names_are_told_anew() -> None:
    assert (join_alternatives(()), join_alternatives(("one",))) == ("", "one")
    text = join_alternatives(("one", tell("no torch"), "three"))
    assert (text, translate(text, "ko")) == ("one or no torch or three", "one 또는 torch 없음 또는 three")
    listed = join_listed(("numpy>=1.16", "pyyaml"))
    assert (listed, translate(listed, "ko")) == ("numpy>=1.16 and pyyaml", "numpy>=1.16, pyyaml")


def test_what_no_catalog_has_stays_english() -> None:
    assert translate("no text of ours", "ko") == "no text of ours"
    assert translate(tell("no text of {whom}", whom="ours"), "ko") == "no text of ours"
    assert translate("", "ko") == ""


@pytest.mark.parametrize("language", _FOREIGN)
def test_catalog_has_every_text_of_the_program_and_no_other(language: str) -> None:
    wanted = {message.id for message in extract_messages() if message.id}
    kept = {message.id: message for message in read_catalog(language) if message.id}
    assert set(kept) == wanted, "make messages"
    assert [name for name, message in kept.items() if not message.string or message.fuzzy] == []


@pytest.mark.parametrize("language", _FOREIGN)
def test_pages_have_every_word_of_the_templates_and_no_other(language: str) -> None:
    catalog = read_page_catalog(language)
    kept = {message.id: message for message in catalog if message.id}
    assert set(kept) == {message.id for message in extract_page_messages() if message.id}, "make messages"
    for text, message in kept.items():
        assert not message.fuzzy
        forms, strings = (_list_forms(item) for item in (text, message.string))
        places = {place for form in forms for place in _PAGE_PLACE.findall(form)}
        assert all(string and set(_PAGE_PLACE.findall(string)) == places for string in strings), text
    assert find_page_catalog(language).with_suffix(".mo").read_bytes() == compile_catalog(catalog), "make messages"


def _list_forms(text: object) -> list[str]:
    return [str(form) for form in text] if isinstance(text, list | tuple) else [str(text)]


@pytest.mark.parametrize("language", _FOREIGN)
def test_translations_have_the_places_of_the_text(language: str) -> None:
    wrong = [message.id for message in read_catalog(language) if message.id and not _has_same_places(message)]
    assert wrong == []


def _has_same_places(message: CatalogMessage) -> bool:
    return _list_places(str(message.id)) == _list_places(str(message.string))


def _list_places(text: str) -> list[tuple[str, str, str]]:
    if "{" not in text:
        return []
    found = string.Formatter().parse(text)
    return sorted((name, spec or "", conversion or "") for _text, name, spec, conversion in found if name is not None)


@pytest.mark.parametrize("language", _FOREIGN)
def test_compiled_catalog_is_that_of_the_texts(language: str) -> None:
    compiled = find_catalog(language).with_suffix(".mo").read_bytes()
    assert compiled == compile_catalog(read_catalog(language)), "make messages"


def test_explain_speaks_korean() -> None:
    variables = {"PATH": os.environ["PATH"], "LANG": "ko_KR.UTF-8", "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "envtool", "explain", "torch-replaced"]
    result = subprocess.run(command, env=variables, capture_output=True, text=True, encoding="utf-8", check=True)
    assert result.stdout.startswith("# torch-replaced: torch가 벤더의 빌드가 아닙니다\n\n심각도: 오류\n\n## 의미\n")


def test_doctor_speaks_korean_and_its_json_does_not(environment: RealEnvironment) -> None:
    environment.uv_install("wants-newer")
    korean = replace(environment, variables={**environment.variables, "HAC_LANG": "ko"})
    told = korean.envtool("doctor", "--prefix", str(environment.path), "--no-driver").out
    first, *rest = told.splitlines()
    assert first.startswith("손상: torch")
    # Of a line with a finding's texts, ids, paths, versions and commands are left; words are Korean.
    assert [line.split()[0] for line in rest if line.startswith("  ")][:2] == ["환경", "고정"]
    assert "[torch-replaced]" in told
    assert "requires" not in told
    for format in ("json", "sarif", "prometheus"):
        outputs = [
            item.envtool("doctor", "--prefix", str(environment.path), "--no-driver", "--format", format).out
            for item in (environment, korean)
        ]
        assert _without_time(outputs[0]) == _without_time(outputs[1])


def _without_time(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)|\b1[67]\d{8}(?:\.\d+)?\b", "TIME", text)


def test_an_error_has_its_kind_beside_korean_words(environment: RealEnvironment) -> None:
    korean = replace(environment, variables={**environment.variables, "HAC_LANG": "ko"})
    outcome = korean.envtool("doctor", "--prefix", "/nowhere/at/all")
    assert outcome.err.startswith("오류 [PrefixError, 4]: /nowhere/at/all")
    assert "  다음: envtool doctor --prefix" in outcome.err
