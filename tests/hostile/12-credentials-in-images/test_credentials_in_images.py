"""Credentials in an image's files, settings and history are found, all of them, and examples are not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from envtool.cli.render.verify import create_verify_document, render_results
from envtool.cli.report_format import Format
from envtool.verify.verify_images import VerifyRequest, verify_images
from tests.support.image_layout import Files, Layout

WORD = "p4ssw0rd"
KEY_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n" * 3
PRIVATE_KEY = f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}-----END PRIVATE KEY-----\n"
GITHUB = "ghp_" + "a1B2c3D4e" * 4
HUGGING_FACE = "hf_" + "qWeRtYuIoPlKjHgFdSaZxCvBnMqWeRtYuI"
ACCOUNT = {"type": "service_account", "project_id": "p", "private_key": PRIVATE_KEY, "client_email": "a@b"}


def secrets_of(folder: Path, files: Files, *later: Files, **settings: Any) -> tuple[str, ...]:
    """What the check says of an image of these layers."""
    layout = Layout()
    history = settings.pop("history", ())
    layout.image([files, *later], history, settings)
    reference = str(layout.write(folder / "image"))
    results = verify_images(VerifyRequest(references=(reference,), project=folder, static=True))
    for format in Format:
        text = render_results(results, format)
        assert WORD not in text
        assert GITHUB not in text
    return next(check.problems for check in results[0].checks if check.name == "secrets")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("root/.config/gh/hosts.yml", "github.com:\n    user: me\n    oauth_token: abcdef\n"),
        ("root/.config/gh/hosts.yml", f"github.com:\n    oauth_token: {GITHUB}\n"),
        ("srv/app/account.json", json.dumps(ACCOUNT)),
        ("srv/app/any.name", json.dumps(ACCOUNT, indent=2)),
        ("srv/app/.git/config", f'[remote "origin"]\n\turl = https://me:{WORD}@github.com/x/y\n'),
        ("srv/app/.git/config", f'[http "https://h/"]\n\textraheader = AUTHORIZATION: basic {WORD}\n'),
        ("root/.gitconfig", f'[url "https://me:{WORD}@github.com/"]\n\tinsteadOf = https://github.com/\n'),
        ("srv/deploy", PRIVATE_KEY),
        ("home/me/key.txt", PRIVATE_KEY.replace("PRIVATE", "RSA PRIVATE")),
        ("home/me/secret.asc", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBF\n"),
        ("home/me/putty.ppk", "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n"),
        ("root/.bash_history", f"ls\nexport MOREH_SDA_TOKEN={WORD}\n"),
        ("root/.bash_history", f"curl -u me:{WORD} https://example.com/\n"),
        ("root/.bash_history", f"docker login -u me -p {WORD} registry.example.com\n"),
        ("root/.zsh_history", f": 1700000000:0;pip install --index-url https://me:{WORD}@example.com/simple x\n"),
        ("home/me/.python_history", f"token = '{WORD}'\n"),
        ("root/.bashrc", f"alias ll='ls -l'\nexport MOREH_SDA_TOKEN={WORD}\n"),
        ("home/me/.profile", f'export HF_TOKEN="{HUGGING_FACE}"\n'),
        ("etc/profile.d/token.sh", f"export MOREH_SDA_TOKEN={WORD}\n"),
        ("etc/environment", f"MOREH_SDA_TOKEN={WORD}\n"),
        ("srv/run.sh", f"#!/bin/sh\ncurl -H 'Authorization: Bearer {WORD}' https://h/\n"),
        ("srv/run", f"#!/bin/bash\nPASSWORD={WORD} exec train\n"),
        ("srv/train.py", f'login(token="{HUGGING_FACE}")\n'),
        ("srv/train.py", f'requests.get("https://me:{WORD}@data.corp/x")\n'),
        ("srv/train.py", 'API_KEY = "k3yw1thd1g1ts"\n'),
        ("srv/requirements.txt", f"--index-url https://me:{WORD}@example.com/simple\ntorch\n"),
        ("srv/requirements.txt", f"x @ git+https://{GITHUB}@github.com/x/y\n"),
        ("srv/requirements/dev.txt", f"--extra-index-url https://me:{WORD}@example.com/simple\n"),
        ("srv/config.yaml", "database:\n  password: hunter2000\n"),
        ("srv/config.json", '{"client_secret": "GOCSPX-a1b2c3d4e5f6"}'),
        ("srv/environment.yml", f"channels:\n  - https://me:{WORD}@conda.corp/main\n"),
        ("srv/Dockerfile", f"FROM x\nENV MOREH_SDA_TOKEN={WORD}\n"),
        ("root/.config/containers/auth.json", '{"auths": {"r": {"auth": "YTpi"}}}'),
        ("root/.m2/settings.xml", f"<server><password>{WORD}</password></server>"),
        ("root/.my.cnf", f"[client]\npassword={WORD}\n"),
        ("root/.terraform.d/credentials.tfrc.json", '{"credentials": {"x": {"token": "abc"}}}'),
        ("root/.cargo/credentials.toml", '[registry]\ntoken = "abc"\n'),
        ("usr/src/app/.env.production", f"DATABASE_URL=postgres://me:{WORD}@db/x\n"),
        ("tmp/notes", f"the token is {GITHUB}\n"),
    ],
)
def test_file_with_a_credential(path: str, text: str, tmp_path: Path) -> None:
    """Also where a later layer deletes it."""
    folder, _, name = path.rpartition("/")
    found = secrets_of(tmp_path, {path: text.encode()}, {f"{folder}/.wh.{name}": b""})
    assert [problem for problem in found if problem.startswith(f"/{path}")]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("srv/app/.git/config", '[remote "origin"]\n\turl = https://github.com/x/y\n'),
        ("srv/app/.git/config", '[remote "origin"]\n\turl = git@github.com:x/y.git\n'),
        ("root/.bashrc", "export MOREH_SDA_TOKEN=$(cat /run/secrets/token)\n"),
        ("root/.bashrc", "export TOKEN=${TOKEN:-}\nexport TOKENIZERS_PARALLELISM=false\n"),
        ("root/.bash_history", "pip install --user accelerate\ndocker run -p 8080:80 image\nexport X_TOKEN=\n"),
        ("srv/run.sh", '#!/bin/sh\ndocker login -u "$USER" -p "$PASSWORD"\ncurl -u "$USER:$PASS" h\n'),
        ("srv/run.sh", '#!/bin/sh\ncurl -H "Authorization: Bearer $TOKEN" https://h/\n'),
        ("srv/README.md", "Set `pip install --index-url https://user:password@example.com/simple`.\n"),
        ("srv/README.md", "Use AKIAIOSFODNN7EXAMPLE, and export TOKEN=abcdef0123.\n"),
        ("srv/docs/auth.rst", f"A key looks like this::\n\n    {PRIVATE_KEY}"),
        ("srv/.env.example", "API_KEY=your-api-key\nDB=postgres://user:password@localhost/x\n"),
        ("srv/train.py", "tokenizer.pad_token = tokenizer.eos_token\nmax_tokens = 512\n"),
        ("srv/train.py", 'parser.add_argument("--token", default=os.environ.get("HF_TOKEN"))\n'),
        ("srv/train.py", 'if key.startswith("-----BEGIN PRIVATE KEY-----"):\n    raise ValueError\n'),
        ("srv/train.py", 'password = getpass("Password: ")\ntoken = "<your token here>"\n'),
        ("srv/public.pem", "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----\n"),
        ("srv/ca.pem", "-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END CERTIFICATE-----\n"),
        ("root/.ssh/authorized_keys", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ me@host\n"),
        ("root/.ssh/id_ed25519.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ me@host\n"),
        ("root/.ssh/known_hosts", "github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ\n"),
        ("srv/poetry.lock", 'content-hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"\n'),
        ("srv/requirements.txt", f"torch==2.0 --hash=sha256:{'9f86d081' * 8}\ntokenizers==0.19\nkeyring==24\n"),
        ("srv/requirements.txt", "--index-url https://example.com:8443/simple\nx @ https://example.com/x.whl\n"),
        ("srv/package-lock.json", '{"integrity": "sha512-m1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5=="}'),
        (
            "srv/config.yaml",
            "tokenizer: bert\nsecretName: db-credentials-1\npassword: ${DB_PASSWORD}\ntoken_type: b1earer1\n",
        ),
        ("srv/config.json", '{"password": "", "api_key": null, "token": "changeme", "secret": "****"}'),
        ("srv/openapi.yaml", "password:\n  type: string\n"),
        ("srv/tests/key.pem", PRIVATE_KEY),
        ("opt/conda/envs/p/lib/python3.11/site-packages/pkg/key.pem", PRIVATE_KEY),
        ("opt/conda/envs/p/lib/python3.11/site-packages/pkg/client.py", f'URL = "https://me:{WORD}@h/"\n'),
        ("usr/share/doc/x/example.key", PRIVATE_KEY),
        ("etc/pip.conf", "[global]\nindex-url = https://${USER}:${PASSWORD}@example.com/simple\n"),
        ("etc/nginx/nginx.conf", "proxy_pass http://backend:8080/@x;\n"),
        ("root/.config/gh/hosts.yml", "github.com:\n    user: me\n"),
    ],
)
def test_innocent_file(path: str, text: str, tmp_path: Path) -> None:
    assert secrets_of(tmp_path, {path: text.encode()}) == ()


@pytest.mark.parametrize(
    "created_by",
    [
        f"RUN /bin/sh -c curl -H 'Authorization: Bearer {WORD}' https://h/ # buildkit",
        f"RUN /bin/sh -c docker login -u me -p {WORD} # buildkit",
        f"RUN /bin/sh -c git clone https://me:{WORD}@github.com/x/y # buildkit",
        f'RUN /bin/sh -c echo "machine h login me password {WORD}" > ~/.netrc # buildkit',
        f"RUN /bin/sh -c huggingface-cli login --token {HUGGING_FACE} # buildkit",
        f"|1 PIP_INDEX_URL=https://me:{WORD}@h/simple /bin/sh -c pip install x",
        f"/bin/sh -c #(nop)  ENV MOREH_SDA_TOKEN={WORD}",
        f"ARG TOKEN={WORD}",
    ],
)
def test_instruction_with_a_credential(created_by: str, tmp_path: Path) -> None:
    found = secrets_of(tmp_path, {"a": b"1"}, history=[{"created_by": created_by}])
    assert [problem for problem in found if "in the history, step 1" in problem]


@pytest.mark.parametrize(
    "created_by",
    [
        "RUN /bin/sh -c pip install --user accelerate # buildkit",
        "RUN --mount=type=secret,id=token /bin/sh -c pip install x # buildkit",
        "RUN /bin/sh -c curl -u $USER:$TOKEN https://h/ # buildkit",
        "ENV TOKENIZERS_PARALLELISM=false",
        "ENV GPG_KEY=E3FF2839C048B25C084DEBE9B26995E310250568",
        "ARG TOKEN",
    ],
)
def test_innocent_instruction(created_by: str, tmp_path: Path) -> None:
    assert secrets_of(tmp_path, {"a": b"1"}, history=[{"created_by": created_by}]) == ()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"Env": [f"MOREH_SDA_TOKEN={WORD}"]}, "the variable MOREH_SDA_TOKEN"),
        ({"Labels": {"source": f"https://me:{WORD}@h/x"}}, "the label source"),
        ({"Cmd": ["train", "--token", WORD]}, "the words of Cmd"),
        ({"Entrypoint": ["sh", "-c", f"curl -u me:{WORD} h"]}, "the words of Entrypoint"),
        ({"Env": ["TOKENIZERS_PARALLELISM=false", "MAX_TOKENS=512", "HF_TOKEN="]}, ""),
        ({"Env": ["GOOGLE_APPLICATION_CREDENTIALS=/run/key.json", "DB_PASSWORD_FILE=/run/x"]}, ""),
        ({"Cmd": ["train", "--token-file", "/run/secrets/token"]}, ""),
    ],
)
def test_settings(settings: Mapping[str, Any], says: str, tmp_path: Path) -> None:
    found = secrets_of(tmp_path, {"a": b"1"}, **settings)
    assert list(found) == ([says] if says else [])


def test_all_are_in_the_document_and_the_first_on_the_terminal(tmp_path: Path) -> None:
    layout = Layout()
    layout.image([{f"srv/{number}.sh": f"TOKEN={WORD}\n".encode() for number in range(20)}])
    reference = str(layout.write(tmp_path / "image"))
    results = verify_images(VerifyRequest(references=(reference,), project=tmp_path, static=True))
    (image,) = create_verify_document(results)["images"]
    (output,) = [check["output"] for check in image["checks"] if check["name"] == "secrets"]
    assert len(output.split("\n")) == 20
    shown = render_results(results, Format.TEXT)
    assert shown.count(".sh in layer 1") == 5
    assert "and 15 more" in shown


def test_a_large_file_is_data(tmp_path: Path) -> None:
    """What is searched is bounded by size."""
    assert secrets_of(tmp_path, {"srv/data.sh": f"TOKEN={WORD}\n".encode() + b"#" * (1 << 20)}) == ()
