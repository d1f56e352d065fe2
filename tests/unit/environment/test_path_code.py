"""What Python code puts first on `sys.path`, told from its text, against what the real interpreter imports then."""

from __future__ import annotations

from pathlib import Path

import pytest

from envtool.environment.path_code import list_first_folders
from tests.unit.environment.test_torch_starts import ask_files, ask_interpreter, make_torch, make_venv

# As people write sitecustomize.py and what .pth files import; @ is the folder with another torch.
FIRST = {
    "a name": "import sys\np = '@'\nif p not in sys.path:\n    sys.path.insert(0, p)\n",
    "a list before": "import sys\nsys.path = ['@'] + sys.path\n",
    "a list of names before": "import sys\na, b = 1, 2\nnew = ['/none', '@']\nsys.path[:] = new + sys.path\n",
    "a slice": "import sys\nfolders = ('@',)\nsys.path[:0] = folders\n",
    "the second place": "import sys\nsys.path.insert(1, '@')\n",
    "a loop": "import os, sys\nfor f in ['/none', '@']:\n    if os.path.isdir(f):\n        sys.path.insert(0, f)\n",
    "a function": "import sys\ndef add(p, first=True):\n    sys.path.insert(0, p)\nadd('@')\n",
    "joined": "import os, sys\nroot = os.path.dirname('@')\nsys.path.insert(0, os.path.join(root, 'other'))\n",
    "pathlib": "import sys\nfrom pathlib import Path\nsys.path.insert(0, str(Path('@').parent / 'other'))\n",
    "beside the file": (
        "import pathlib, sys\nroot = pathlib.Path(__file__).resolve().parent\nsys.path.insert(0, str(root / 'inner'))\n"
    ),
    "formatted": "import sys\nroot = '@'\nsys.path.insert(0, f'{root}/.')\n",
    "tried": "import sys\ntry:\n    sys.path.insert(0, '@')\nexcept Exception:\n    pass\n",
    "a variable": "import os, sys\nsys.path.insert(0, os.environ.get('LIBS', '@'))\n",
    "a variable that is set": "import os, sys\nif 'HOME' in os.environ:\n    sys.path.insert(0, '@')\n",
    "text that is run": "exec('import sys\\nfor f in [\"@\"]:\\n    sys.path.insert(0, f)')\n",
}
BEHIND = {
    "appended": "import sys\nsys.path.append('@')\n",
    "a list behind": "import sys\nsys.path = sys.path + ['@']\n",
    "a variable that is not set": "import os, sys\nif os.environ.get('USE_OTHER'):\n    sys.path.insert(0, '@')\n",
    "a program's own part": "import sys\nif __name__ == '__main__':\n    sys.path.insert(0, '@')\n",
    "a function that nobody calls": "import sys\ndef add():\n    sys.path.insert(0, '@')\n",
    "a text": "TEXT = '''\nsys.path.insert(0, '@')\n'''\n",
    "a comment": "# sys.path.insert(0, '@')\n",
    "another list": "import sys\nargs = []\nargs.insert(0, '@')\n",
    "a site folder": "import site\nsite.addsitedir('@')\n",
}
_ALL = {**FIRST, **BEHIND}


@pytest.mark.parametrize("name", _ALL)
def test_files_say_what_the_interpreter_does(name: str, tmp_path: Path) -> None:
    site, other = make_torch(make_venv(tmp_path / "venv")), make_torch(tmp_path / "other")
    make_torch(site / "inner")
    # A venv's Python looks for the module here; the distribution's own sitecustomize would come first.
    (site / "mine.py").write_text(_ALL[name].replace("@", str(other)))
    (site / "a.pth").write_text("import mine\n")
    variables = {"PATH": f"{tmp_path}/venv/bin:/usr/bin:/bin", "HOME": str(tmp_path)}
    truth = ask_interpreter(variables)
    assert truth is not None
    assert (truth != f"{site}/torch/__init__.py") is (name in FIRST)
    found = ask_files(variables)
    assert found is not None
    assert Path(found).resolve() == Path(truth).resolve()


@pytest.mark.parametrize(
    ("code", "folders"),
    [
        ("print 'a'\nsys.path.insert(0, '/a')\n", ("/a",)),
        ("sys.path.insert(0, '.')", ()),
        ("sys.path.insert(-1, '/a'); sys.path.insert(9, '/b')", ()),
        ("x = '/a' * 10**9\nsys.path.insert(0, x)", ()),
        ("x = '/aaaaaaaaaa'\n" + "x = x + x\n" * 60 + "sys.path.insert(0, x)", ()),
        ("def f():\n    f()\n    f()\nf()", ()),
        ("x = " + "(" * 150 + "'/a'" + ")" * 150 + "\nsys.path.insert(0, x)", ("/a",)),
        ("sys.path.insert(0, '/a\\0b')", ()),
    ],
)
def test_what_is_odd_ends_and_is_bounded(code: str, folders: tuple[str, ...]) -> None:
    assert list_first_folders(code) == folders
