"""The guard in children, with both builders: what it stops, what it lets pass, and what it never hides."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.docker_command import ONE_BUILDER, run
from tests.support.docker_envtool import envtool, in_container

pytestmark = pytest.mark.docker

CLOBBER = "'rotary-embedding-torch>=0.9'"


def test_harmless_requirements(build_child: Any) -> None:
    built = build_child("RUN pip install einops lion-pytorch")
    assert built.status == 0, built.output
    assert "hac-guard" not in built.output
    assert in_container("hac-test-child", "envtool", "doctor", "--deep").status == 0


def test_pip_gives_up_and_it_is_explained(build_child: Any) -> None:
    built = build_child(f"RUN pip install {CLOBBER}")
    assert built.status != 0
    assert "hac-guard: this instruction was stopped because it would have replaced the vendor torch" in built.output
    assert "pulled in by rotary-embedding-torch 0.9.1, which wants torch>=2.4" in built.output
    assert 'pip install "rotary-embedding-torch<0.9.1"' in built.output


@ONE_BUILDER
def test_the_suggested_fix_works(build_child: Any) -> None:
    built = build_child('RUN pip install "rotary-embedding-torch<0.9.1"')
    assert built.status == 0, built.output
    assert in_container("hac-test-child", "envtool", "doctor").status == 0


@ONE_BUILDER
def test_uv_gives_up_and_it_is_explained(build_child: Any) -> None:
    built = build_child("RUN pip install uv", f"RUN uv pip install {CLOBBER}")
    assert built.status != 0
    assert "pulled in by rotary-embedding-torch" in built.output
    assert "which wants torch>=2.4" in built.output


@ONE_BUILDER
def test_uv_installs_what_is_harmless(build_child: Any) -> None:
    built = build_child("RUN pip install uv", "RUN uv pip install lion-pytorch && uv pip list")
    assert built.status == 0, built.output
    assert in_container("hac-test-child", "envtool", "doctor").status == 0


@pytest.mark.parametrize(
    ("instruction", "advice"),
    [
        (f"RUN PIP_CONSTRAINT= pip install {CLOBBER}", "run          pip install rotary-embedding-torch   (with"),
        ("RUN PIP_CONSTRAINT= pip install --no-deps torch==2.13.0", "run          pip install --no-deps torch"),
        ("RUN PIP_CONSTRAINT= python -m pip install --upgrade torch", "run          python -m pip install torch"),
        ("RUN pip uninstall --yes torch", "fix          leave this command out"),
        (
            "RUN PIP_CONSTRAINT= pip install --user --no-deps torch==2.13.0",
            "run          pip install --no-deps torch",
        ),
        (
            'RUN rm -r "$CONDA_PREFIX"/lib/python3.11/site-packages/torch/lib',
            "fix          leave the files and the records",
        ),
    ],
    ids=["dependency", "no-deps", "module", "uninstall", "user", "rm"],
)
@ONE_BUILDER
def test_past_the_constraints_the_very_instruction_is_stopped(build_child: Any, instruction: str, advice: str) -> None:
    built = build_child("RUN echo before", instruction, "RUN echo this comes ''too late")
    assert built.status != 0
    assert "hac-guard: this instruction damaged the vendor torch" in built.output
    assert instruction.removeprefix("RUN ") in built.output
    assert advice in built.output
    # The builder throws away what the instruction did: there is nothing to put back.
    assert "update-moreh --force" not in built.output
    assert "this comes too late" not in built.output


@ONE_BUILDER
def test_warn_lets_the_build_go_on_and_restore_mends_it_offline(build_child: Any) -> None:
    built = build_child("ENV PIP_CONSTRAINT= UV_CONSTRAINT= HAC_GUARD=warn", f"RUN pip install {CLOBBER}")
    assert built.status == 0, built.output
    assert "HAC_GUARD=warn, so the build goes on" in built.output
    script = """
        envtool doctor && exit 20
        update-moreh --force || exit 21
        envtool doctor --deep || exit 22
        python -c 'import torch; assert torch.version.moreh == "22.8.0"' || exit 23
        update-moreh | grep 'Already installed : 1.7.1+cu110.moreh22.8.0' || exit 24
    """
    done = in_container("hac-test-child", "sh", "-c", script)
    assert done.status == 0, done.output
    assert "rotary-embedding-torch 0.9.1 requires torch>=2.4" in done.output


@ONE_BUILDER
def test_restore_mode_puts_torch_back_in_the_same_instruction(build_child: Any) -> None:
    built = build_child("ENV PIP_CONSTRAINT= HAC_GUARD=restore", f"RUN pip install {CLOBBER}")
    assert built.status == 0, built.output
    assert in_container("hac-test-child", "envtool", "doctor", "--deep").status == 0


@ONE_BUILDER
def test_off_is_silent(build_child: Any) -> None:
    built = build_child("ENV PIP_CONSTRAINT= HAC_GUARD=off", f"RUN pip install {CLOBBER}")
    assert built.status == 0, built.output
    assert "hac-guard" not in built.output
    assert in_container("hac-test-child", "envtool", "doctor").status == 1


def test_a_commands_own_status_and_words_are_never_hidden(hac_base: str) -> None:
    statuses = [1, 7, 97, 130]
    lines = []
    for status in statuses:
        lines.append(f"/opt/hac/bin/hac-shell -c 'echo out; echo err >&2; exit {status}' 2>&1; echo $?")
        lines.append(f"/opt/hac/bin/hac-shell -c 'uv --version >/dev/null; exit {status}'; echo $?")
    done = in_container(hac_base, "sh", "-c", "\n".join(lines))
    expected = [line for status in statuses for line in ("out", "err", f"{status}", f"{status}")]
    assert done.output.splitlines() == expected


@pytest.mark.parametrize("option", ["--tmpfs=/dev/shm:ro", "--user=65534"])
def test_without_a_place_for_its_stamp_and_without_rights(hac_base: str, option: str) -> None:
    """It then looks at the environment after every instruction, and still passes statuses on."""
    guarded = "/opt/hac/bin/hac-shell -c 'echo said; pip --version >/dev/null; exit {0}'; echo $?"
    script = "; ".join(guarded.format(status) for status in (0, 7))
    done = run(["docker", "run", "--rm", "--network", "none", option, hac_base, "sh", "-c", script])
    assert done.output.splitlines() == ["said", "0", "said", "7"]


def test_no_interpreter_starts_where_nothing_changed(hac_base: str) -> None:
    """The guard's only other program is envtool; with that out of the way, an unchanged environment still passes."""
    script = "mv /opt/hac/envtool /opt/hac/away && /opt/hac/bin/hac-shell -c 'touch /srv/file; pip --version'"
    assert in_container(hac_base, "sh", "-c", script, user="root").status == 0


# What an instruction does to site-packages, where new-1.dist-info with an empty METADATA was just made; and whether
# the guard asks doctor then.
CHANGES = {
    "echo new.py,, >new-1.dist-info/RECORD && touch new.py": False,
    "echo new.so,, >new-1.dist-info/RECORD && echo libc.so.6 >new.so": False,
    "echo 'new one/a.so,,' >new-1.dist-info/RECORD && mkdir 'new one' && echo libc.so.6 >'new one/a.so'": False,
    "echo new/a.so,, >new-1.dist-info/RECORD && mkdir new && echo libcudart.so.11.0 >new/a.so": True,
    "echo new/a.so,, >new-1.dist-info/RECORD": True,
    "echo 'Requires-Dist: Torch>=2' >new-1.dist-info/METADATA && touch new-1.dist-info/RECORD": True,
    "touch new-1.dist-info/RECORD nvidia": True,
    "touch new-1.dist-info/RECORD new.pth": True,
    "touch new-1.dist-info/RECORD '~orch'": True,
    "touch new-1.dist-info/RECORD torchgen.py": True,
    "true": True,
}


def test_an_interpreter_starts_where_what_is_new_may_concern_torch(hac_base: str) -> None:
    """And not for what grep can tell to be harmless. All in one container: to move envtool away takes seconds."""
    lines = ["mv /opt/hac/envtool /opt/hac/away", "cd $CONDA_PREFIX/lib/python3.11/site-packages"]
    for change in CHANGES:
        lines.append("rm -rf new* nvidia '~orch' torchgen.py; sleep 0.1")
        instruction = f"mkdir new-1.dist-info && touch new-1.dist-info/METADATA && {change}"
        lines.append(f'/opt/hac/bin/hac-shell -c "{instruction}" 2>/dev/null; echo $?')
    done = in_container(hac_base, "sh", "-c", "\n".join(lines), user="root")
    # 97: there is no envtool to ask, and so no doubt that is cleared.
    assert done.output.split() == ["97" if asks else "0" for asks in CHANGES.values()]


@ONE_BUILDER
def test_what_a_person_installs_cannot_break_the_tool(build_child: Any) -> None:
    """Modules on PYTHONPATH and in the user site, named like envtool's own requirements."""
    built = build_child(
        "ENV PYTHONPATH=/home/hac/modules",
        "RUN mkdir -p /home/hac/modules ~/.local/lib/python3.11/site-packages",
        "RUN for name in typer packaging tomllib; do echo 'raise SystemExit(5)' > /home/hac/modules/$name.py;"
        " cp /home/hac/modules/$name.py ~/.local/lib/python3.11/site-packages/; done",
    )
    assert built.status == 0, built.output
    assert in_container("hac-test-child", "envtool", "doctor").status == 0
    assert in_container("hac-test-child", "update-moreh", "--force").status == 0


def test_nothing_of_the_guard_stays_in_a_layer(build_child: Any) -> None:
    build_child("RUN pip install einops", "RUN true")
    search = "find / -xdev -name 'hac-pip*' -o -xdev -name 'hac-guard.[0-9]*'"
    base, child = (in_container(name, "sh", "-c", search, user="root") for name in ("hac-base", "hac-test-child"))
    assert (base.output, child.output) == ("", "")


def test_private_index_with_credentials(private_index: str, tmp_path: Any) -> None:
    import sys

    store = str(tmp_path / "store")
    arguments = ("vendor", "fetch", "--vendor", private_index, "--prefix", str(_embedded_prefix(tmp_path)))
    refused = envtool(*arguments, HAC_STORE=store, NETRC="/dev/null")
    assert refused.status == 6
    assert "HTTP 401" in refused.output
    credentials = {"HAC_VENDOR_USERNAME": "reader", "HAC_VENDOR_PASSWORD": "for-tests-only"}
    fetched = envtool(*arguments, HAC_STORE=store, **credentials)
    assert fetched.status == 0, fetched.output
    assert "torch-1.7.1+cu110.moreh22.8.0" in fetched.output
    assert "for-tests-only" not in run(["grep", "-r", "for-tests-only", store]).output
    assert sys.version_info >= (3, 11)


def _embedded_prefix(folder: Any) -> Any:
    """A prefix of the Python that the private index has wheels for."""
    root = folder / "prefix"
    (root / "lib/python3.11/site-packages").mkdir(parents=True)
    (root / "bin").mkdir()
    (root / "bin/python3.11").touch()
    return root


@pytest.mark.parametrize(
    "instruction",
    [
        'SHELL ["/bin/sh", "-c"]\nRUN PIP_CONSTRAINT= pip uninstall --yes torch',
        'RUN ["pip", "uninstall", "--yes", "torch"]',
        'SHELL ["/bin/bash", "-o", "pipefail", "-c"]\nRUN uv pip uninstall torch',
        'SHELL ["/bin/sh", "-c"]\nRUN python -m pip uninstall --yes torch',
        'SHELL ["/opt/hac/bin/hac-shell", "bash", "-o", "pipefail", "-c"]\nRUN rm -r "$CONDA_PREFIX"/lib/*/*/torch',
        'SHELL ["/opt/hac/bin/hac-shell", "bash", "-o", "pipefail", "-c"]\nRUN false | true',
    ],
    ids=["sh", "exec-form", "bash-uv", "module", "guarded-bash", "pipefail"],
)
@ONE_BUILDER
def test_without_the_images_shell_the_fronts_look(build_child: Any, instruction: str) -> None:
    built = build_child(*instruction.split("\n"))
    assert built.status != 0, built.output
    if "false" not in instruction:
        assert "hac-guard: this instruction damaged the vendor torch" in built.output


def test_fronts_pass_on_what_the_program_says(hac_base: str) -> None:
    """Its output, its options and its status, without a guard as without a change."""
    script = """
        for program in pip uv; do
            real=$CONDA_PREFIX/bin/$program
            [ -x "$real" ] || real=/opt/hac/envtool/bin/$program
            for words in --version 'no-such-command' 'list --format=freeze'; do
                "$real" $words >/tmp/1 2>/tmp/2; one=$?
                $program $words >/tmp/3 2>/tmp/4; two=$?
                [ "$one" = "$two" ] && cmp /tmp/1 /tmp/3 && cmp /tmp/2 /tmp/4 || exit 9
            done
        done
        echo 'print(input())' | python - </dev/null; echo said | pip --version >/dev/null && echo same
    """
    done = in_container(hac_base, "sh", "-c", script)
    assert done.output.splitlines()[-1] == "same", done.output


def test_the_entry_point_looks_and_goes_on_or_stops(hac_base: str) -> None:
    lost = "rm -r $CONDA_PREFIX/lib/python3.11/site-packages/torch; HAC_START={} /opt/hac/bin/hac-start echo went on"
    for mode, status, says, goes_on in (("warn", 0, True, True), ("fail", 97, True, False), ("off", 0, False, True)):
        done = in_container(hac_base, "sh", "-c", lost.format(mode))
        assert done.status == status, done.output
        assert ("hac-start: the vendor torch" in done.output) is says
        assert ("went on" in done.output) is goes_on
    assert in_container(hac_base, "echo", "quiet").output == "quiet\n"


def test_login_shells_and_any_user_have_the_environment(hac_base: str) -> None:
    login = in_container(hac_base, "bash", "-lc", "command -v python && python -c 'import torch'")
    assert login.output == "/opt/conda/envs/pytorch/bin/python\n"
    script = 'echo "$HOME" && touch "$HOME/mine" && python -m pip uninstall -qy pip && python -c "import torch"'
    anyone = in_container(hac_base, "sh", "-c", script, user="12345:0")
    assert (anyone.status, anyone.output) == (0, "/home/hac\n")


def test_no_command_of_the_base_is_shadowed(hac_base: str) -> None:
    script = 'for path in "$CONDA_PREFIX"/bin/* /usr/local/bin/*; do for base in /usr/bin /bin /usr/sbin /sbin; do'
    script += ' [ ! -e "$base/${path##*/}" ] || echo "$path"; done; done'
    assert in_container(hac_base, "sh", "-c", script).output == ""


# What a Dockerfile does with poetry and conda, which are stand-ins that take torch away; and whether it is stopped.
LATER_TOOLS = {
    "in-the-environment": ("$CONDA_PREFIX/bin/poetry", 'RUN ["poetry", "install"]', True),
    "by-its-path": ("$CONDA_PREFIX/bin/conda", 'RUN ["/opt/conda/envs/pytorch/bin/conda", "install"]', True),
    "elsewhere-on-path": ("/usr/local/bin/micromamba", 'RUN ["micromamba", "install"]', True),
    "runs-only": ("$CONDA_PREFIX/bin/poetry", 'RUN ["poetry", "run", "it"]', False),
}


@pytest.mark.parametrize(("path", "instruction", "stops"), LATER_TOOLS.values(), ids=LATER_TOOLS)
@ONE_BUILDER
def test_tools_that_come_later_get_a_front(build_child: Any, path: str, instruction: str, stops: bool) -> None:
    shebang = "/bin/sh" if path.startswith("/usr") else "/opt/conda/envs/pytorch/bin/python"
    what = "rm -r /opt/conda/envs/pytorch/lib/python3.11/site-packages/torch"
    code = what if shebang == "/bin/sh" else f'import os; os.system(\\"{what}\\")'
    make = f'RUN printf "#!{shebang}\\n{code}\\n" >{path} && chmod +x {path}'
    built = build_child(
        "USER root", make, "RUN command -v poetry || command -v conda || command -v micromamba", instruction
    )
    assert (built.status != 0) is stops, built.output
    assert ("hac-guard: this instruction damaged the vendor torch" in built.output) is stops


def test_no_front_is_there_before_its_program(hac_base: str) -> None:
    script = "for name in conda mamba micromamba poetry; do command -v $name && exit 9; done; exit 0"
    assert in_container(hac_base, "sh", "-c", script).status == 0
