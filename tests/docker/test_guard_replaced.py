"""Torch or `python` replaced by what is no newer: links, copies that keep their times, what is moved, or nothing.

The guard runs in one container of the base, as it does in a build; what a case damages is put back before the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from tests.support.docker_envtool import in_container

pytestmark = pytest.mark.docker

_PRELUDE = """
E=$CONDA_PREFIX S=$CONDA_PREFIX/lib/python3.11/site-packages HOME=/root; export E S HOME
# What is not looked for here would only have to be copied each time.
rm -r $S/pip* $S/setuptools* $S/pkg_resources
mkdir /keep; cp -a $S /keep/site; cp -a $E/bin/python* /keep/
put_back() {
    rm -rf $S $S/../usercustomize.py $E/bin/python* /opt/hac/fronts/python
    rm -rf /etc/profile.d/z.sh ~/.profile /data /opt/libs
    cp -a /keep/site $S; cp -a /keep/python* $E/bin/; mkdir /data
}
"""
# Another torch under the same name, with the times of long ago.
_OLDER = """
cp -a $S/torch /data/torch; echo broken = 1 >>/data/torch/version.py
find /data/torch -exec touch -h -d 2001-01-01 {} +
"""
_SHADOW = "mkdir -p /opt/libs/torch; : >/opt/libs/torch/__init__.py; "
_FIRST = 'printf "import sys; sys.path.insert(0, \\"/opt/libs\\")\\n" >/data/{0}; touch -d 2001-01-01 /data/{0}; '


@dataclass(frozen=True)
class Case:
    """What was there before, and the instruction; `says` is empty where the guard has nothing to say."""

    before: str
    instruction: str
    says: str


_FILES, _GONE, _PYTHON = "[torch-files-changed]", "[torch-files-missing]", "[interpreter-missing]"
CASES = {
    "nothing": Case("", "true", ""),
    "copied": Case(_OLDER, "rm -r $S/torch; cp -a /data/torch $S/", _FILES),
    "moved": Case(_OLDER, "rm -r $S/torch; mv /data/torch $S/", _FILES),
    "linked": Case(_OLDER, "mv $S/torch /data/newer; ln -s /data/torch $S/torch", _FILES),
    "unpacked": Case(
        f"{_OLDER} tar -C /data -cf /data/t.tar torch", "rm -r $S/torch; tar -C $S -xf /data/t.tar", _FILES
    ),
    "hard links": Case(_OLDER, "rm -r $S/torch; cp -al /data/torch $S/torch", _FILES),
    "one file": Case(_OLDER, "cp -a /data/torch/version.py $S/torch/", _FILES),
    "times set back": Case(
        "", "echo a >>$S/torch/version.py; touch -d 2001-01-01 $S/torch/version.py $S/torch", _FILES
    ),
    "removed": Case("", "rm -r $S/torch", _GONE),
    "removed records": Case("", "rm -r $S/torch-*", "[torch-missing]"),
    "older site-packages": Case("cp -a $S /data/sp; rm -r /data/sp/torch", "rm -r $S; mv /data/sp $S", _GONE),
    "site-packages linked": Case("cp -a $S /data/sp; rm -r /data/sp/torch", "mv $S /data/x; ln -s /data/sp $S", _GONE),
    "python linked": Case("", "ln -sf /bin/true $E/bin/python", _PYTHON),
    "python copied": Case("", "cp -p /bin/true $E/bin/python3.11", _PYTHON),
    "python removed": Case("", "rm $E/bin/python", "there is no python on PATH"),
    "interpreter removed": Case("", "rm $E/bin/python3.11", _PYTHON),
    "another python first": Case("", "cp -p /bin/true /opt/hac/fronts/python", "which has no torch"),
    "pth file": Case(_SHADOW + _FIRST.format("zz.pth"), "cp -a /data/zz.pth $S/", "[torch-shadowed]"),
    "usercustomize": Case(
        _SHADOW + _FIRST.format("usercustomize.py"), "cp -a /data/usercustomize.py $S/../", "from /opt/libs"
    ),
    # Harmless, though it has new times.
    "owner": Case("", "chown -R 1000:0 $S/torch", ""),
    "a package": Case("", "mkdir $S/mine; touch $S/mine/__init__.py", ""),
    "the same again": Case("cp -a $S/torch /data/", "rm -r $S/torch; cp -a /data/torch $S/", ""),
    "environment removed": Case("", "rm -r $E", "is not a folder"),
    "everything removed": Case("", "rm -rf /opt/conda /opt/hac", "cannot be started"),
}


def run_each(image: str, scripts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What each script printed, by its name, and its status behind `status`."""
    lines = [f"echo '@@{name}'; put_back; (\n{script}\n) 2>&1; echo status $?" for name, script in scripts]
    done = in_container(image, "sh", "-c", "\n".join([_PRELUDE, *lines]), user="root")
    parts = (part.partition("\n") for part in done.output.split("@@")[1:])
    return {name: text for name, _, text in parts}


@pytest.fixture(scope="module")
def said(hac_base: str) -> dict[str, str]:
    """What the guard said of each. The last one leaves nothing that could be put back."""
    scripts = [(name, f"{case.before}\n/opt/hac/bin/hac-shell -c '{case.instruction}'") for name, case in CASES.items()]
    return run_each(hac_base, scripts)


@pytest.mark.parametrize("name", CASES)
def test_what_is_no_newer_is_seen_all_the_same(said: dict[str, str], name: str) -> None:
    output, says = said[name], CASES[name].says
    assert output.splitlines()[-1] == f"status {97 if says else 0}", output
    assert says in output
    assert ("hac-guard: " in output) is bool(says), output


# What a container finds as it starts: what was done to it, the command, and what is said, if anything.
STARTS = {
    "nothing": ("", "true", ""),
    "bash": ("", "bash -c true", ""),
    "a login shell": ("", "bash -lc true", ""),
    "torch removed": ("rm -r $S/torch", "true", "is not what python imports"),
    "torch linked": ("mv $S/torch /data; ln -s /data/torch $S/torch", "true", ""),
    "python linked": ("ln -sf /bin/true $E/bin/python", "true", "python"),
    "python written over": ("cp /bin/sh $E/bin/python3.11", "true", "is another program"),
    "python removed": ("rm $E/bin/python", "true", "no python on PATH"),
    "usercustomize": (_SHADOW + _FIRST.format("usercustomize.py") + "cp -a /data/u* $S/", "true", "from /opt/libs"),
    "profile.d": (_SHADOW + "echo export PYTHONPATH=/opt/libs >/etc/profile.d/z.sh", "bash -lc true", "/opt/libs"),
    "profile.d unread": (_SHADOW + "echo export PYTHONPATH=/opt/libs >/etc/profile.d/z.sh", "bash -c true", ""),
    "bash_env": (
        _SHADOW + "echo export PYTHONPATH=/opt/libs >/data/env; export BASH_ENV=/data/env",
        "bash -c python",
        "from /opt/libs",
    ),
    "a login script": (
        _SHADOW + "echo export PYTHONPATH=/opt/libs >~/.profile; printf '#!/bin/bash -l\\n:\\n' >/go; chmod +x /go",
        "/go",
        "from /opt/libs",
    ),
}


@pytest.fixture(scope="module")
def started(hac_base: str) -> dict[str, str]:
    """What the entry point said of each."""
    scripts = [
        (name, f"{before}\nHAC_START=fail /opt/hac/bin/hac-start {command} </dev/null")
        for name, (before, command, _says) in STARTS.items()
    ]
    return run_each(hac_base, scripts)


@pytest.mark.parametrize("name", STARTS)
def test_a_start_finds_it_too(started: dict[str, str], name: str) -> None:
    output, says = started[name], STARTS[name][2]
    assert output.splitlines()[-1] == f"status {97 if says else 0}", output
    assert says in output
    assert ("hac-start: " in output) is bool(says), output
