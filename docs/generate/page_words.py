"""What pages and manual pages that are made of the program say in other languages, beside the program's own texts."""

from __future__ import annotations

from collections.abc import Mapping

from envtool.language import ENGLISH

_KOREAN = {
    "As `--help` has them, and the manual pages: `man envtool-doctor`.": (
        "`--help`와 매뉴얼 페이지(`man envtool-doctor`)의 내용과 같습니다."
    ),
    "ARGUMENTS": "인수",
    "Arguments": "인수",
    "COMMANDS": "명령",
    "Commands": "명령",
    "DESCRIPTION": "설명",
    "Default": "기본값",
    "Document": "문서",
    "ENVIRONMENT": "환경 변수",
    "EXAMPLES": "예",
    "EXIT STATUS": "종료 상태",
    "Examples": "예",
    "Findings and known errors": "발견 사항과 알려진 오류",
    "Findings of doctor": "doctor의 발견 사항",
    "Findings of scan": "scan의 발견 사항",
    "Functions, requests and results": "함수, 요청, 결과",
    "JSON schemas": "JSON 스키마",
    "Known errors": "알려진 오류",
    "NAME": "이름",
    "OPTIONS": "옵션",
    "Options": "옵션",
    "Printed by `{command}`; `envtool explain {id}` prints this page.": (
        "`{command}` 명령이 출력합니다. `envtool explain {id}` 명령은 이 페이지를 출력합니다."
    ),
    "SEE ALSO": "같이 보기",
    "SYNOPSIS": "사용법",
    "Severity: {severity}.": "심각도: {severity}.",
    "The names of `envtool.api`; see [Python API](api.md).": (
        "`envtool.api`의 이름입니다. [Python API](api.md)를 참고하십시오. 설명은 소스의 것으로, 영어입니다."
    ),
    "The schema as a file": "스키마 파일",
    "User Commands": "사용자 명령",
    "What `--format json` prints, as JSON Schema (draft 2020-12). Each document names its schema and version.": (
        "`--format json`의 출력을 JSON Schema(draft 2020-12)로 나타낸 것입니다. "
        "각 문서에는 스키마와 버전이 적혀 있습니다. 필드 설명은 스키마 파일의 것으로, 영어입니다."
    ),
    "What `{command}` prints.": "`{command}` 명령이 출력합니다.",
    "`envtool explain ID` prints the same pages.": "`envtool explain ID` 명령은 같은 페이지를 출력합니다.",
    "command": "명령",
    "field": "필드",
    "schema": "스키마",
    "type": "형식",
}
_WORDS: Mapping[str, Mapping[str, str]] = {"ko": _KOREAN}


def find_words(language: str, text: str) -> str:
    """The text in a language; a text that has no translation is an error of these pages.

    Raises:
        KeyError: the text has no translation.
    """
    return text if language == ENGLISH else _WORDS[language][text]
