"""`envtool verify --static` on images made by hand: each check, and what is looked for in vain."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import validate

from envtool.cli.render.verify import create_verify_document, render_results
from envtool.cli.report_format import Format
from envtool.image.read.sparse_rootfs import MODULES
from envtool.verify.result import ImageResult
from envtool.verify.static_checks import select_for_all_checks, select_for_static_checks
from envtool.verify.verify_images import VerifyRequest, select_exit_status, verify_images
from tests.support.image_layout import Files, Layout

DOCS = Path(__file__).parents[3] / "docs"


def verified(folder: Path, *layers: Files, history: Any = (), **settings: Any) -> dict[str, str]:
    """What each check says; nothing where it passed."""
    layout = Layout()
    layout.image(layers, history, settings)
    reference = str(layout.write(folder / "image"))
    (result,) = verify_images(VerifyRequest(references=(reference,), project=folder, static=True))
    return {check.name: check.output for check in result.checks}


@pytest.mark.parametrize(
    ("files", "is_secret"),
    [
        ({"etc/moreh/token": b"abc"}, True),
        ({"etc/moreh/token": b""}, False),
        ({"root/.netrc": b"machine x login y password z"}, True),
        ({"root/.ssh/id_ed25519": b"x"}, True),
        ({"srv/server.key": b"-----BEGIN RSA PRIVATE KEY-----\n"}, True),
        ({"srv/server.key": b"a lock's key\n"}, False),
        ({"etc/ssl/certs/ca.pem": b"-----BEGIN CERTIFICATE-----\n"}, False),
        ({"opt/x/lib/python3.11/site-packages/lib/test/key.pem": b"-----BEGIN PRIVATE KEY-----\n"}, False),
        ({"root/.docker/config.json": b'{"auths": {"r": {"auth": "YTpi"}}}'}, True),
        ({"root/.docker/config.json": b'{"credsStore": "pass"}'}, False),
        ({"etc/pip.conf": b"[global]\nindex-url = https://me:secret@example.com/simple\n"}, True),
        ({"etc/pip.conf": b"[global]\nindex-url = https://example.com/simple\n"}, False),
        ({"srv/.env": b"API_KEY=abc\n"}, True),
        ({"srv/.env": b"DEBUG=1\n"}, False),
        ({"root/.pypirc": b"[pypi]\npassword = x\n"}, True),
        ({"root/.npmrc": b"//registry/:_authToken=abc\n"}, True),
        ({"root/.cache/huggingface/token": b"hf_x"}, True),
    ],
)
def test_files_with_credentials(files: Files, is_secret: bool, tmp_path: Path) -> None:
    """Also where a later layer deletes them, which takes them from nobody."""
    (path,) = files
    folder, _, name = path.rpartition("/")
    said = verified(tmp_path, files, {f"{folder}/.wh.{name}": b""})["secrets"]
    assert (f"/{path} in layer 1" in said) is is_secret


@pytest.mark.parametrize(
    ("entry", "is_secret"),
    [
        ("MOREH_SDA_TOKEN=abc", True),
        ("MOREH_SDA_TOKEN=", False),
        ("HF_TOKEN=hf_secret", True),
        ("DB_PASSWORD_FILE=/run/secrets/db", False),
        ("PIP_INDEX_URL=https://me:secret@example.com/simple", True),
        ("LANG=C.UTF-8", False),
    ],
)
def test_variables_with_credentials(entry: str, is_secret: bool, tmp_path: Path) -> None:
    said = verified(tmp_path, {}, Env=[entry])["secrets"]
    assert (entry.partition("=")[0] in said) is is_secret
    assert "secret@" not in said
    assert "hf_secret" not in said


@pytest.mark.parametrize(
    ("created_by", "is_secret"),
    [
        ("|1 TOKEN=hunter2 /bin/sh -c curl x", True),
        ("RUN /bin/sh -c pip install --index-url https://me:hunter2@example.com/ x # buildkit", True),
        ("RUN /bin/sh -c echo hello # buildkit", False),
    ],
)
def test_credentials_in_the_history(created_by: str, is_secret: bool, tmp_path: Path) -> None:
    said = verified(tmp_path, {}, history=[{"created_by": created_by}])["secrets"]
    assert ("history" in said) is is_secret
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("settings", "check", "says"),
    [
        ({"User": "nobody"}, "user", ""),
        ({"User": "1000:1000"}, "user", ""),
        ({"User": "me"}, "user", "/etc/passwd does not know"),
        ({"Cmd": ["/bin/sh"]}, "entrypoint", ""),
        ({"Cmd": ["sh", "-c", "x"]}, "entrypoint", ""),
        ({"Entrypoint": ["/bin/init"], "Cmd": ["sh"]}, "entrypoint", "/bin/init is not in the image"),
        ({"Cmd": ["train"]}, "entrypoint", "train is not in the image"),
        ({}, "entrypoint", "neither ENTRYPOINT nor CMD"),
        ({}, "labels", "org.opencontainers.image.title"),
    ],
)
def test_configuration(settings: Mapping[str, Any], check: str, says: str, tmp_path: Path) -> None:
    files: Files = {
        "bin": "->usr/bin",
        "usr/bin/dash": b"\x7fELF",
        "usr/bin/sh": "->dash",
        "etc/passwd": b"root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n",
    }
    said = verified(tmp_path, files, **settings)[check]
    assert says in said
    assert bool(said) is bool(says)


def test_caches_and_an_image_of_somebody_else(tmp_path: Path) -> None:
    said = verified(tmp_path, {"var/cache/apt/archives/x.deb": b"x", "root/.cache/pip/http/a": b"x"})
    assert said["caches"].startswith("2 files")
    assert "it has no guard" in said["guard"]
    assert "no torch" in said["torch"]
    assert "FROM hac-base" in said["checks"]


def test_every_format_of_several_images(tmp_path: Path) -> None:
    layout = Layout()
    layout.image([{"etc/moreh/token": b"abc"}])
    good = str(layout.write(tmp_path / "image"))
    told: list[str] = []
    references = [good, str(tmp_path / "none.tar")]
    request = VerifyRequest(references=tuple(references), project=tmp_path, static=True, jobs=2)
    results = verify_images(request, done=told.append)
    assert sorted(told) == sorted(references)
    assert [result.reference for result in results] == references
    assert select_exit_status(results) not in {0, 1}
    assert select_exit_status(results[:1]) == 1
    validate(create_verify_document(results), json.loads((DOCS / "verify.schema.json").read_text()))
    _every_format(results)


def _every_format(results: tuple[ImageResult, ...]) -> None:
    rendered = {format: render_results(results, format) for format in Format}
    assert json.loads(rendered[Format.JSON])["status"] == "failed"
    assert len(json.loads(rendered[Format.SARIF])["runs"][0]["results"]) == len(results[0].failed) + 1
    suites = ElementTree.fromstring(rendered[Format.JUNIT])
    assert [suite.get("failures") for suite in suites] == [str(len(results[0].failed)), "0"]
    assert rendered[Format.GITHUB].count("::error ") == len(results[0].failed) + 1
    assert f'hac_verify_status{{image="{results[1].reference}"}} 2' in rendered[Format.PROMETHEUS]
    assert "could not be verified" in rendered[Format.TEXT]


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system with next to no room."""
    folder = tmp_path / "full"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]).returncode:
        pytest.skip("only root may make a small file system")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_in_mid_read(full_disk: Path, tmp_path: Path) -> None:
    """A shared object is kept aside for a look at it; that there is no room for it is no fault of the image."""
    layout = Layout()
    layout.image([{"opt/conda/envs/pytorch/lib/python3.11/site-packages/x/a.so": os.urandom(1 << 20)}])
    image = layout.write(tmp_path / "image")
    command = [sys.executable, "-m", "envtool", "verify", "--static", str(image)]
    done = subprocess.run(
        command, env={**os.environ, "TMPDIR": str(full_disk)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 9, done.stderr
    assert f"the disk is full: {full_disk}" in done.stderr
    assert "TMPDIR" in done.stderr
    assert list(full_disk.iterdir()) == []


_FOLDERS = st.sampled_from(
    [
        *("opt", "env", "lib", "python3.11", "site-packages", "dist-packages", "torch", "functorch", "other", "pkgs"),
        *(".ssh", ".cache", "pip", "tests", "etc", "hac", "bin", "share", "torch-1.dist-info", "other-1.dist-info"),
    ]
)
_ENDINGS = st.sampled_from([*MODULES, "", ".pem", ".so", ".json", "RECORD", "METADATA"])
_STEMS = st.sampled_from(["__init__", "version", "torch", "any", ".env", "id_rsa", "token", "pin", ""])


@settings(max_examples=1000, deadline=None)
@given(st.lists(_FOLDERS, max_size=7), _STEMS, _ENDINGS, st.sampled_from([0, 100, 1 << 17]))
def test_the_quick_wish_is_the_whole_one(folders: list[str], stem: str, ending: str, size: int) -> None:
    path = "/".join([*folders, f"{stem}{ending}"])
    assert select_for_static_checks(path, size) is select_for_all_checks(path, size)


@pytest.mark.parametrize(
    ("removed", "is_told"),
    [
        ("opt/hac/.wh.store", True),
        ("opt/hac/store/.wh.torch.whl", True),
        ("opt/hac/.wh.wheels", True),
        ("srv/x", False),
    ],
)
def test_wheels_that_cannot_be_put_back_are_told(removed: str, is_told: bool, tmp_path: Path) -> None:
    """`rm -rf /opt/hac/store` takes no torch away, but what a restore needs."""
    base: Files = {"opt/hac/wheels/torch.whl": "->../store/torch.whl", "opt/hac/store/torch.whl": b"PK"}
    said = verified(tmp_path, base, {removed: b""})
    assert bool(said["wheels"]) is is_told
