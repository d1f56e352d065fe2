"""Which Pythons supervisord, s6, runit and my_init start, and which one a notebook runs in, told from their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.environment.file_tree import DiskTree
from envtool.environment.jupyter_kernels import list_kernels
from envtool.environment.service_managers import list_service_commands
from envtool.environment.start_command import find_service_starts

VARIABLES = {"PATH": "/usr/bin:/bin", "ROOT": "/srv"}


def write(root: Path, files: dict[str, str]) -> DiskTree:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return DiskTree(root)


CONFIGURATION = """
[unix_http_server]
file = /tmp/supervisor.sock
[supervisord]
nodaemon=true   ; stay in front
environment = FIRST="1,2",SECOND=two
[program:web]
command=%(ENV_ROOT)s/venv/bin/python -m uvicorn app:app --workers 2
directory=/srv/%(program_name)s
environment=PYTHONPATH="/opt/a:/opt/b",SECOND='own'
[program:batch-%(x)s]
command=python batch.py --rate 50%% ; as often as it likes
[program:never]
autostart=false
command=python never.py
[group:all]
programs=web
"""


def test_supervisord_as_it_is_written(tmp_path: Path) -> None:
    tree = write(tmp_path, {"etc/supervisor/supervisord.conf": CONFIGURATION})
    web, batch = list_service_commands(tree, ["supervisord", "-n"], VARIABLES, "/")
    assert web.words[:3] == ("/srv/venv/bin/python", "-m", "uvicorn")
    assert web.folder == "/srv/web"
    assert {name: web.variables[name] for name in ("FIRST", "SECOND", "PYTHONPATH")} == {
        "FIRST": "1,2",
        "SECOND": "own",
        "PYTHONPATH": "/opt/a:/opt/b",
    }
    assert batch.words == ("python", "batch.py", "--rate", "50%")
    assert batch.variables["SECOND"] == "two"
    assert web.source == "/etc/supervisor/supervisord.conf"


@pytest.mark.parametrize(
    "words",
    [
        ["supervisord", "-c", "/srv/own.conf"],
        ["supervisord", "-n", "-c", "own.conf"],
        ["supervisord", "--configuration=/srv/own.conf"],
        ["/usr/bin/supervisord", "-c/srv/own.conf"],
    ],
    ids=["path", "relative", "long", "joined"],
)
def test_supervisord_is_told_its_configuration(tmp_path: Path, words: list[str]) -> None:
    tree = write(
        tmp_path,
        {
            "srv/own.conf": "[include]\nfiles = conf.d/*.ini %(here)s/more/?.conf\n",
            "srv/conf.d/a.ini": "[program:a]\ncommand=python a.py\n",
            "srv/conf.d/a.txt": "[program:no]\ncommand=python no.py\n",
            "srv/more/b.conf": "[fcgi-program:b]\ncommand='python' 'b.py\n",
            "etc/supervisord.conf": "[program:no]\ncommand=python no.py\n",
        },
    )
    assert [item.words[-1].strip("'") for item in list_service_commands(tree, words, VARIABLES, "/srv")] == [
        "a.py",
        "b.py",
    ]


STARTS = {
    "tini-before": (["tini", "--", "supervisord"], {"etc/supervisord.conf": "[program:a]\ncommand=python a.py\n"}),
    "entry-script": (
        ["/entry.sh"],
        {
            "entry.sh": "#!/bin/sh\nexec /usr/bin/supervisord -c /etc/s.conf\n",
            "etc/s.conf": "[program:a]\ncommand=bash -c 'exec python a.py'\n",
        },
    ),
    "s6-overlay-2": (["/init"], {"etc/services.d/a/run": "#!/usr/bin/with-contenv bash\ncd /srv\nexec python a.py\n"}),
    "s6-overlay-3": (
        ["/init"],
        {"etc/s6-overlay/s6-rc.d/a/run": "#!/command/with-contenv sh\nexec s6-setuidgid app python a.py\n"},
    ),
    "s6-command": (["/init", "python", "a.py"], {"etc/services.d/log/run": "#!/bin/sh\nexec logger\n"}),
    "s6-svscan": (["s6-svscan", "/srv/sv"], {"srv/sv/a/run": "#!/bin/sh\nexec python a.py\n"}),
    "runit": (
        ["runsvdir", "-P", "/etc/service"],
        {"etc/service/a/run": "#!/bin/sh -e\nexec chpst -u app python a.py\n"},
    ),
    "phusion": (["/sbin/my_init"], {"etc/service/a/run": "#!/bin/bash\nexec setuser app python a.py\n"}),
    "phusion-command": (["/sbin/my_init", "--quiet", "--", "python", "a.py"], {}),
}


@pytest.mark.parametrize(("command", "files"), STARTS.values(), ids=STARTS)
def test_a_python_is_found_behind_a_manager(tmp_path: Path, command: list[str], files: dict[str, str]) -> None:
    found = [
        settings.program for settings, _source in find_service_starts(write(tmp_path, files), command, VARIABLES, "/")
    ]
    assert found == ["python"]


@pytest.mark.parametrize(
    ("command", "files"),
    [
        (["/init", "python"], {"init": "#!/bin/sh\n"}),
        (["supervisord"], {}),
        (["supervisord"], {"etc/supervisord.conf": "no section\n"}),
        (["supervisorctl", "status"], {"etc/supervisord.conf": "[program:a]\ncommand=python a.py\n"}),
        (["/sbin/init"], {"etc/services.d/a/run": "#!/bin/sh\nexec python a.py\n"}),
    ],
    ids=["another-init", "no-configuration", "unreadable", "its-client", "systemd"],
)
def test_what_is_no_manager_starts_no_service(tmp_path: Path, command: list[str], files: dict[str, str]) -> None:
    assert list(find_service_starts(write(tmp_path, files), command, VARIABLES, "/")) == []


def kernel(text: str, folder: str) -> dict[str, str]:
    return {f"{folder}/kernels/python3/kernel.json": text}


def test_the_default_kernel_is_the_first_that_can_be_read(tmp_path: Path) -> None:
    files = {
        **kernel("{", "root/.local/share/jupyter"),
        **kernel('{"argv": ["/opt/v/bin/python", "-m", "x"], "env": {"A": 1}}', "usr/local/share/jupyter"),
        **kernel('{"argv": ["python3"]}', "usr/share/jupyter"),
    }
    (found,) = list_kernels(write(tmp_path, files), {"HOME": "/root"}, "/opt/env")
    assert found.is_default
    assert (found.words[0], dict(found.variables)) == ("/opt/v/bin/python", {"A": "1"})
    variables = {"HOME": "/nowhere", "JUPYTER_PATH": "/usr/share/jupyter"}
    assert list(list_kernels(DiskTree(tmp_path), variables, "/opt/env"))


def test_a_kernel_that_names_no_folder_runs_in_jupyters_own_python(tmp_path: Path) -> None:
    tree = write(tmp_path, kernel('{"argv": ["python3.11", "-m", "x"]}', "opt/env/share/jupyter"))
    (found,) = list_kernels(tree, {}, "/opt/env")
    assert found.words[0] == "/opt/env/bin/python"
