"""What children of an image do to torch, by every tool and in every form that a builder may treat in its own way."""

from __future__ import annotations

from dataclasses import dataclass

SITE = "/opt/conda/envs/pytorch/lib/python3.11/site-packages"
_WHEEL = "/ctx/torch-2.13.0-py3-none-any.whl"
_PIP = f"PIP_CONSTRAINT= pip install -q --no-index --no-deps {_WHEEL}"
_BASH = 'SHELL ["/bin/bash", "-o", "pipefail", "-c"]'


@dataclass(frozen=True)
class BuilderCase:
    """A row of the table: what a child's instructions are. `always`: in every run, not only in the long one."""

    title: str
    lines: tuple[str, ...]
    always: bool = False
    is_harmless: bool = False


CASES = (
    BuilderCase(
        "nothing that concerns torch",
        ("RUN pip install -q --no-index /ctx/other-1.0-py3-none-any.whl",),
        always=True,
        is_harmless=True,
    ),
    BuilderCase("`pip`", (f"RUN {_PIP}",), always=True),
    BuilderCase("`python -m pip`", (f"RUN {_PIP.replace('pip install', 'python -m pip install')}",)),
    BuilderCase("pip by its path", ("RUN /opt/conda/envs/pytorch/bin/pip uninstall -qy torch",)),
    BuilderCase("`uv pip`", (f"RUN UV_CONSTRAINT= uv pip install -q --offline --no-deps {_WHEEL}",)),
    BuilderCase(
        "poetry, without an environment of its own",
        ("RUN cd /ctx/project && POETRY_VIRTUALENVS_CREATE=false poetry install -q",),
    ),
    BuilderCase("conda in the environment (stand-in)", ("RUN conda install --yes pytorch",)),
    BuilderCase("micromamba that the base has (stand-in)", ("RUN micromamba install --yes pytorch",)),
    BuilderCase(
        "micromamba that the child copies (stand-in)",
        ("COPY micromamba /usr/local/bin/mamba", "RUN mamba install --yes pytorch"),
    ),
    BuilderCase("exec form", ('RUN ["pip", "uninstall", "-qy", "torch"]',), always=True),
    BuilderCase("script that calls pip", ("COPY setup.sh /srv/", "RUN sh /srv/setup.sh")),
    BuilderCase("script that deletes files", (f"RUN rm -r {SITE}/torch",), always=True),
    BuilderCase("bash as `SHELL`, pip", (_BASH, f"RUN {_PIP}")),
    BuilderCase("bash as `SHELL`, deleted files", (_BASH, f"RUN rm -r {SITE}/torch | cat")),
    BuilderCase(
        "bash behind the guard as `SHELL`, deleted files",
        ('SHELL ["/opt/hac/bin/hac-shell", "bash", "-o", "pipefail", "-c"]', f"RUN rm -r {SITE}/torch | cat"),
    ),
    BuilderCase(
        "busybox as `/bin/sh`, pip",
        ("COPY busybox /usr/local/bin/busybox", "RUN ln -sf /usr/local/bin/busybox /bin/sh", f"RUN {_PIP}"),
    ),
    BuilderCase("here-document, pip", ("RUN <<END", _PIP, "END")),
    BuilderCase("`RUN --mount`, pip", (f"RUN --mount=type=bind,target=/mnt {_PIP.replace('/ctx', '/mnt')}",)),
    BuilderCase("`COPY` over torch", (f"COPY upstream/torch {SITE}/torch",), always=True),
    BuilderCase("`COPY` beside it, `ENV PYTHONPATH`", ("COPY upstream /opt/libs", "ENV PYTHONPATH=/opt/libs")),
    BuilderCase(
        "virtual environment first on `PATH`",
        (
            f"RUN python -m venv /opt/v && PIP_CONSTRAINT= /opt/v/bin/pip install -q --no-index --no-deps {_WHEEL}",
            "ENV PATH=/opt/v/bin:$PATH",
        ),
    ),
)
