"""What the accuracy pages say in other languages: each text of `render`'s, as it is in the English page."""

from __future__ import annotations

from collections.abc import Mapping

# A paragraph's lines are one text, however the English page breaks them.
_KOREAN = {
    # vendor-losses
    "# How each vendor's torch is lost": "# 벤더별로 torch를 잃는 경우",
    "Written by `make bench ROWS=vendor-losses`. Real pip and uv install each requirement beside "
    "stand-ins that have the names, versions and requirements of ten vendors' wheels, from an index "
    "that has upstream's torch of the same release, another build of it and a newer one. PUBLIC is "
    "the release that the vendor's version is a build of, VERSION all of it. Kept: all of the "
    "vendor's distributions are as they were; fails: so they are, because the install failed.": (
        "`make bench ROWS=vendor-losses`가 씁니다. 실제 pip와 uv가 열 벤더 "
        "wheel의 이름, 버전, 요구 사항을 가진 대역 옆에 각 요구를 설치합니다. 인덱스에는 같은 릴리스의 "
        "upstream torch, 그 다른 빌드, 더 새로운 torch가 있습니다. PUBLIC은 벤더의 버전이 "
        "어느 릴리스의 빌드인지, VERSION은 버전 전체입니다. 유지: 벤더의 패키지가 모두 그대로입니다. 실패: "
        "설치가 실패하여 역시 그대로입니다."
    ),
    "A torch without a label, such as Ascend's, is pinned by `===`: `==` admits every other build of its release.": (
        "Ascend의 것처럼 레이블이 없는 torch는 `===`로 고정합니다. `==`는 같은 릴리스의 다른 빌드도 모두 받아들입니다."
    ),
    "## pip, nothing pinned": "## pip, 고정하지 않음",
    "## uv, nothing pinned": "## uv, 고정하지 않음",
    "## pip, with PIP_CONSTRAINT": "## pip, PIP_CONSTRAINT 사용",
    "## uv, with UV_CONSTRAINT": "## uv, UV_CONSTRAINT 사용",
    "Replaced in {lost} of {total}.": "{total}건 중 {lost}건에서 바뀌었습니다.",
    "kept": "유지",
    "**replaced**": "**바뀜**",
    "fails": "실패",
    # check
    "# How often predictions are right": "# 예측이 얼마나 맞는가",
    "Written by `make bench`: real pip and real uv install each set of `tests/corpus` into a real environment, and "
    "what becomes of torch is what the predictions are held to. The index is frozen from PyPI: real names, versions "
    "and requirements, in wheels without code. The second stage resolves; the first reads the lines alone, and may "
    "say that it cannot tell.": "`make bench`가 씁니다. 실제 pip와 실제 uv가 `tests/corpus`의 각 집합을 실제 환경에 "
    "설치하며, torch가 어떻게 되는지와 예측을 비교합니다. 인덱스는 PyPI에서 얼린 것입니다. 이름, 버전, 요구 사항은 "
    "실제이고 wheel에는 코드가 없습니다. 둘째 단계는 해결하고, 첫째 단계는 줄만 읽으며 알 수 없다고 할 수 있습니다.",
    "| installer | sets | clobbered | precision | recall | failed installs foretold | first stage: safe, wrongly |": (
        "| 설치 도구 | 집합 | clobbered | 정밀도 | 재현율 | 예측한 설치 실패 | 첫째 단계: 잘못된 safe |"
    ),
    "{foretold} of {failed}": "{failed} 중 {foretold}",
    "What the first stage said: {said}.": "첫째 단계의 판정: {said}.",
    "## Files in the shapes that people give them": "## 사람들이 쓰는 형태의 파일",
    "Dependency files of nine kinds, projects that only their build back end can describe, and Dockerfiles whose "
    "instructions a real shell runs. A run has a verdict where none of its answers is `unknown`; some cases are such "
    "that nobody could tell. Precision and recall are of the runs that have one; `safe, wrongly` is of all. Seconds "
    "are a whole `envtool check` of one file, both installers, on whatever machine ran this, with everything else it "
    "did meanwhile.": "아홉 종류의 의존성 파일, 빌드 백엔드만 설명할 수 있는 프로젝트, 그리고 명령을 실제 셸이 "
    "실행하는 Dockerfile입니다. 답이 하나도 `unknown`이 아닌 실행에는 판정이 있습니다. 누구도 알 수 없는 사례도 "
    "있습니다. 정밀도와 재현율은 판정이 있는 실행의 것이고, `safe, wrongly`는 전체의 것입니다. 초는 파일 하나에 대한 "
    "`envtool check` 전체의 시간이며, 두 설치 도구 모두, 실행한 컴퓨터가 그동안 한 다른 일도 포함합니다.",
    "| kind | runs | with a verdict | clobbered | precision | recall | safe, wrongly | median seconds |": (
        "| 종류 | 실행 | 판정 있음 | clobbered | 정밀도 | 재현율 | 잘못된 safe | 초의 중앙값 |"
    ),
    "dependency files, by pip and by uv": "의존성 파일, pip와 uv",
    "projects, by pip and by uv": "프로젝트, pip와 uv",
    "Dockerfiles, in a shell": "Dockerfile, 셸에서",
    "together": "합계",
    "Of the dependency files that would change torch, {written} have a fix; pip and uv both install {installs} of "
    "these, read as their kinds' documentation says, and torch stays. {none} are said to have none. Lines that a fix "
    "changes without need, so that both installers keep torch with the line as it was as well: {needless}.": (
        "torch를 바꾸는 의존성 파일 중 {written}개에 고칠 방법이 있습니다. 그 종류의 문서대로 읽었을 때 pip와 uv 둘 "
        "다 이 중 {installs}개를 설치하고 torch는 그대로입니다. {none}개에는 없다고 합니다. 줄이 그대로여도 두 설치 "
        "도구가 torch를 유지하므로 고칠 필요가 없었던 줄: {needless}."
    ),
    # doctor
    "# How far doctor can be trusted": "# doctor를 얼마나 믿을 수 있는가",
    "Written by `make bench`. Each damage is made by the tool that causes it (`tests/clobber/`).": (
        "`make bench`가 씁니다. 각 손상은 그것을 일으키는 도구로 만듭니다(`tests/clobber/`)."
    ),
    "| case | damages | found | causes asked for | right | healthy twins | false alarms |": (
        "| 사례 | 손상 | 발견 | 물은 원인 | 맞음 | 정상인 짝 | 잘못된 경보 |"
    ),
    "Healthy environments of real distributions from PyPI, each with the stand-in release, looked into with `--deep`: "
    "{total}, false alarms in {alarmed}.": (
        "PyPI의 실제 패키지와 대체품 릴리스가 있는 정상 환경을 `--deep`으로 검사했습니다: {total}개, 잘못된 경보 "
        "{alarmed}개."
    ),
    "| environment | doctor |": "| 환경 | doctor |",
    "silent": "조용함",
    "FALSE ALARM: {ids}": "잘못된 경보: {ids}",
    "could not be made: {why}": "만들 수 없음: {why}",
    # scan
    "# How far a scan can be trusted": "# scan을 얼마나 믿을 수 있는가",
    "Written by `make bench`, from the programs in `tests/scan/corpus`: each line says what must be said of it. They "
    "are ours, of the form of public ones; a line counts once for each kind of finding.": (
        "`make bench`가 `tests/scan/corpus`의 프로그램으로 씁니다. 각 줄에는 그 줄에 대해 말해야 할 것이 적혀 "
        "있습니다. 공개된 프로그램의 형태를 한 우리의 것이며, 줄은 발견 사항의 종류마다 한 번 셉니다."
    ),
    "| severity | lines | found | recall | false alarms |": "| 심각도 | 줄 | 발견 | 재현율 | 잘못된 경보 |",
    "error": "오류",
    "warning": "경고",
    "note": "참고",
    "A tree of {files} files takes {seconds} s of processor time, which two cores share, and its largest process "
    "{mebibytes} MiB. The limits are {most_seconds} s on two cores, and {most_mebibytes} MiB.": (
        "파일 {files}개의 트리에 프로세서 시간 {seconds}초가 들며 코어 두 개가 나눕니다. 가장 큰 프로세스는 "
        "{mebibytes} MiB를 씁니다. 한도는 코어 두 개에서 {most_seconds}초, {most_mebibytes} MiB입니다."
    ),
}
TEXTS: Mapping[str, Mapping[str, str]] = {"ko": _KOREAN}
