"""RUN instructions in the shapes that people write: each is run by a real shell with the real pip and uv.

Names and versions are the frozen index's. Paths are relative: a case writes only into its own copy of the context.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dockerfile:
    """The scripts of one Dockerfile's RUN instructions. `held`: it starts from an image with the pins as constraints.

    `may_be_unknown`: what it installs cannot be told without running it.
    """

    name: str
    scripts: tuple[str, ...]
    held: bool = False
    may_be_unknown: bool = False

    @property
    def text(self) -> str:
        """The file. A script of several lines is a here-document."""
        base = "hac-base" if self.held else "python:3.11"
        rows = [f"FROM {base}", "ARG EMPTY=", "ARG NEWER=2.0.1", "WORKDIR /app", "COPY . ."]
        rows += [f"RUN <<HAC_END\n{item}\nHAC_END" if "\n" in item else f"RUN {item}" for item in self.scripts]
        return "\n".join(rows) + "\n"


# The build context of every case.
CONTEXT = {
    "requirements.txt": "tqdm\ntorch>=1.8  # newer\neinops\n",
    "safe.txt": "tqdm\neinops>=0.4\ntorch==1.7.1\n",
    "limits.txt": "torch==1.8.1\n",
    "nested/all.txt": "-r ../safe.txt\nrequests\n",
    "version": "1.8.1\n",
    "install.sh": '#!/bin/sh\nset -e\nfor name in "$@"; do\n  pip install "$name"\ndone\n',
    "lib.sh": 'put() { pip install --no-cache-dir "$@"; }\n',
    "Makefile": "TORCH ?= 1.8.1\n\nall: base\n\nbase:\n\tpip install tqdm\n\n"
    "torch: base\n\tpip install torch==$(TORCH)\n",
}

_PLAIN = {
    "two packages": "pip install tqdm einops",
    "newer torch": "pip install 'torch>=1.8'",
    "same torch": "pip install torch==1.7.1",
    "label": "pip install torch==1.7.1+cu110",
    "no cache and comment": "pip install --no-cache-dir tqdm   # bars",
    "upgrade pip's own way": "pip install --upgrade torch",
    "a requirement behind a package": "pip install accelerate",
    "an old version of it": "pip install accelerate==0.14.0",
    "requirements": "pip install -r requirements.txt",
    "safe requirements": "pip install -r safe.txt",
    "nested requirements": "pip install -r nested/all.txt",
    "module": "python -m pip install tqdm && python -m pip install 'torch>=1.8'",
    "uv": "uv pip install 'torch>=1.8'",
    "uv, safe": "uv pip install tqdm && uv pip install -r safe.txt",
    "uv as a module": "python -m uv pip install 'torch>=1.8'",
    "no dependencies": "pip install --no-deps accelerate",
    "and, or": "pip install tqdm && pip install einops || pip install requests",
    "whether or not": "true || pip install tqdm; pip install einops",
    "argument": "pip install torch==${NEWER}",
    "default": "pip install torch==${UNSET_VERSION:-1.8.1}",
    "default that is safe": 'pip install "tqdm${EMPTY:+==4.60.0}"',
    "cut": "FULL=1.8.1+x; pip install torch==${FULL%%+*}",
    "cat": "pip install torch==$(cat version)",
    "backticks": "pip install torch==`cat version`",
    "echo": "pip install $(echo tqdm einops)",
    "variable": "WHAT='tqdm einops'; pip install $WHAT",
    "export": "export WHAT=torch==1.8.1 && pip install $WHAT",
    "loop": "for name in tqdm einops torch==1.7.1; do pip install $name; done",
    "loop to torch": "for v in 1.7.1 1.8.1; do pip install torch==$v; done",
    "condition": "if [ -f requirements.txt ]; then pip install -r requirements.txt; fi",
    "case": "case $NEWER in 2*) pip install torch==$NEWER;; esac",
    "function": 'put() { pip install "$1"; }; put tqdm; put torch==1.8.1',
    "sourced": ". ./lib.sh; put tqdm einops",
    "sourced to torch": ". ./lib.sh && put torch==1.8.1",
    "script": "sh install.sh tqdm einops",
    "script to torch": "sh ./install.sh tqdm torch==1.8.1",
    "bash": "bash -c 'pip install torch==1.8.1'",
    "bash, quoted twice": "bash -c \"pip install 'torch>=1.8' && echo done\"",
    "shell by pipe": "echo 'pip install torch==1.8.1' | sh",
    "xargs": "echo tqdm einops | xargs pip install",
    "xargs to torch": "grep torch requirements.txt | sed 's/ *#.*//' | xargs -n 1 pip install",
    "env": "env PIP_NO_CACHE_DIR=1 pip install torch==1.8.1",
    "timeout": "timeout 600 nice -n 1 pip install torch==1.8.1",
    "appended": "echo 'torch==1.8.1' >> safe.txt && pip install -r safe.txt",
    "edited to be safe": "sed -i '/torch/d' requirements.txt && pip install -r requirements.txt",
    "edited to be bad": "sed -i -e 's/1.7.1/1.8.1/' safe.txt && pip install -r safe.txt",
    "filtered": "grep -v torch requirements.txt > rest.txt && pip install -r rest.txt",
    "filtered the other way": "grep torch requirements.txt > rest.txt; pip install -r rest.txt",
    "piped": "grep -v torch requirements.txt | pip install -r /dev/stdin",
    "tee": "printf 'tqdm\\ntorch==%s\\n' 1.8.1 | tee made.txt; pip install -r made.txt",
    "moved": "cp requirements.txt old.txt && mv safe.txt requirements.txt && pip install -r requirements.txt",
    "head": "head -n 1 requirements.txt > one.txt && pip install -r one.txt",
    "folder": "cd nested && pip install -r all.txt",
    "folder and back": "(cd nested && pip install tqdm) && pip install -r requirements.txt",
    "make": "make",
    "make torch": "make torch",
    "make with a variable": "make torch TORCH=1.7.1",
    "limits": "pip install -c limits.txt torch",
    "limits that do not matter": "pip install -c limits.txt tqdm",
    "removed": "pip uninstall -y torch",
    "removed another": "pip install tqdm && pip uninstall -y tqdm",
    "removed by uv": "uv pip uninstall torch",
    "synced": "uv pip sync safe.txt",
    "nothing": "pip list && pip config list && python -c 'import sys' && echo pip install torch==1.8.1",
    "wheels only": "pip download --no-deps -d wheels torch==1.8.1",
    "dry run": "pip install --dry-run torch==1.8.1",
}
_HELD = {
    "held": "pip install 'torch>=1.8'",
    "held, behind a package": "pip install accelerate",
    "held, safe": "pip install tqdm torch",
    "held, upgraded": "pip install -U torch",
    "held, uv": "uv pip install 'torch>=1.8'",
    "emptied": "PIP_CONSTRAINT= pip install 'torch>=1.8'",
    "unset": "unset PIP_CONSTRAINT; pip install 'torch>=1.8'",
    "env -u": "env -u PIP_CONSTRAINT pip install accelerate",
    "of pip only": "PIP_CONSTRAINT= uv pip install 'torch>=1.8'",
    "of uv": "UV_CONSTRAINT= uv pip install accelerate",
    "exported": "export PIP_CONSTRAINT= && pip install accelerate",
}
_SEVERAL = {
    "here-document": ("set -e\npip install \\\n  tqdm \\\n  einops\npip install torch==1.8.1",),
    "here-document in one": ("cat > made.txt <<EOF\ntqdm\ntorch==$NEWER\nEOF\npip install -r made.txt",),
    "here-document, quoted": ("cat > made.txt <<'EOF'\ntqdm\n# torch==$NEWER\nEOF\npip install -r made.txt",),
    "one after the other": ("echo torch==1.8.1 > made.txt", "pip install tqdm", "pip install -r made.txt"),
    "a folder does not last": ("cd nested", "pip install -r requirements.txt"),
}
DOCKERFILES = (
    *(Dockerfile(name, (script,)) for name, script in _PLAIN.items()),
    *(Dockerfile(name, (script,), held=True) for name, script in _HELD.items()),
    *(Dockerfile(name, scripts) for name, scripts in _SEVERAL.items()),
    Dockerfile("after a failure", ("pip install no-such-project || pip install 'torch>=1.8'",), may_be_unknown=True),
    # Nothing says that the base image does not set it.
    Dockerfile("a variable does not last", ("WHAT=torch==1.8.1", "pip install tqdm $WHAT"), may_be_unknown=True),
    Dockerfile("output of a program", ("pip install $(python -c 'print(\"tqdm\")')",), may_be_unknown=True),
    Dockerfile("program", ("python -c 'import os; os.system(\"pip install tqdm\")'",), may_be_unknown=True),
)
