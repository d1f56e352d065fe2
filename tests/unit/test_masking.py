"""What is masked in a text that leaves the program, and what is left as it is."""

from __future__ import annotations

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envtool.cli.render.json_text import render_json_text
from envtool.cli.terminal import make_safe
from envtool.masking import MASK, mask_credentials

# Each with the secret "p4ssw0rd", whole or in part.
SECRET = [
    # Quoted in another address, once and twice, with some of it or all of it.
    "docker%3A//u%3Ap4ssw0rd%40h/x",
    "https://u:p4ssw0rd%40h/x",
    "file:///tmp/docker%3A//u%3Ap4ssw0rd%40registry/x",
    "https%253A%252F%252Fu%253Ap4ssw0rd%2540h.example%252Fx",
    "https%3A%2F%2Fp4ssw0rd%40h.example%2Fx",
    "https%3A%2F%2Fh%2F%3Ftoken%3Dp4ssw0rd",
    "file:///x/TOKEN%3Dp4ssw0rd%20pip",
    "--password%20p4ssw0rd",
    "https:\\u002f\\u002fu:p4ssw0rd@h/",
    # As a path, which has one slash where an address has two.
    "docker:/u:p4ssw0rd@registry/x",
    "//u:p4ssw0rd@h.example/x",
    "https://s3.example/x?X-Amz-Signature=p4ssw0rd&a=1",
    "https://s3.example/x?a=1&X-Amz-Credential=p4ssw0rd",
    "https://blob.example/x?sig=p4ssw0rd&se=1",
    "https://u:p4ssw0rd@h/simple",
    "docker://u:p4ssw0rd@reg.example.com:5000/team/img:1",
    "https://u:p4ss@w0rd@h.example/simple",
    "https://u:p4/ssw0rd@h.example/simple",
    "https://p4ssw0rdtoken@h.example/simple",
    "https:\\/\\/u:p4ssw0rd@h\\/",
    "https%3A%2F%2Fu%3Ap4ssw0rd%40h",
    "https://:p4ssw0rd@h/",
    "redis://:p4ssw0rd@h:6379/0",
    "git+https://u:p4ssw0rd@github.com/x/y",
    "u:p4ssw0rd@reg.example.com/team/img",
    "RUN TOKEN=p4ssw0rd make",
    "ENV MOREH_SDA_TOKEN=p4ssw0rd",
    "ENV MOREH_SDA_TOKEN p4ssw0rd",
    'ENV DB_PASSWORD="p4ssw0rd with blanks"',
    "export HF_TOKEN='p4ssw0rd'",
    "docker login -u me -p p4ssw0rd reg",
    "docker login --password p4ssw0rd",
    "docker login --password=p4ssw0rd",
    "echo p4ssw0rd | docker login -u me --password-stdin",
    "curl -u me:p4ssw0rd https://h/",
    "curl --user me:p4ssw0rd https://h/",
    'curl -H "Authorization: Bearer p4ssw0rd" https://h',
    "curl -H 'Authorization: token p4ssw0rd' https://h",
    'curl -H "PRIVATE-TOKEN: p4ssw0rd" h',
    "wget --http-password=p4ssw0rd h",
    'echo "machine h login u password p4ssw0rd" > ~/.netrc',
    '{"auths": {"r": {"auth": "p4ssw0rd"}}}',
    '{"password": "p4ssw0rd"}',
    "huggingface-cli login --token p4ssw0rd",
    "poetry config http-basic.repo user p4ssw0rd",
    "//registry/:_authToken=p4ssw0rd",
    "oauth_token: p4ssw0rd",
    "sshpass -p p4ssw0rd ssh h",
    "twine upload -u u -p p4ssw0rd dist",
    "aws_secret_access_key = p4ssw0rd",
    "-----BEGIN OPENSSH PRIVATE KEY-----p4ssw0rd-----END OPENSSH PRIVATE KEY-----",
    "--extra-index-url=https://__token__:p4ssw0rd@gitlab.example/api/v4/projects/1/packages/pypi/simple",
    # Escaped as HTML, JSON and Python have it, once and twice.
    "https:&#x2F;&#x2F;u:p4ssw0rd@h/x",
    "https:&sol;&sol;u:p4ssw0rd&commat;h/x",
    "&quot;token&quot;: &quot;p4ssw0rd&quot;",
    "https&amp;#58;&amp;#47;&amp;#47;u:p4ssw0rd&amp;#64;h/x",
    "https\\u003a//u\\u003ap4ssw0rd\\u0040h/",
    "https:\\x2f\\x2fu:p4ssw0rd@h",
    '"{\\"password\\": \\"p4ss, w0rd\\"}"',
    '"\\"{\\\\\\"password\\\\\\": \\\\\\"p4ssw0rd\\\\\\"}\\""',
    # As lists of words, such as an image's CMD, have it.
    '["curl", "-u", "me:p4ssw0rd", "https://h"]',
    '["upload", "--password", "p4ssw0rd"]',
    "['upload', '--token=p4ssw0rd']",
    "requests.get(url, auth=('me', 'p4ssw0rd'))",
    # Base64, where that is usual.
    f"curl -H 'authorization=basic {base64.b64encode(b'me:p4ssw0rd').decode()}'".replace("authorization=", "x: "),
    f"//registry.example/:_auth={base64.b64encode(b'me:p4ssw0rd').decode()}",
    f"echo {base64.b64encode(b'https://me:p4ssw0rd@h/').decode()} | base64 -d",
    # Files of settings.
    "[pypi]\nusername: __token__\npassword: p4ssw0rd",
    "  - api_key: 'p4ssw0rd'",
    "printf 'password: p4ssw0rd\\n' > ~/.pypirc",
    "<server><password>p4ssw0rd</password></server>",
    "- name: DB_PASSWORD\n  value: p4ssw0rd",
    "machine h password p4ssw0rd",
    "machine h login u account a password p4ssw0rd",
    "npm config set //registry.example/:_authToken p4ssw0rd",
    # Commands.
    "curl -sSu me:p4ssw0rd https://h/",
    "curl -ume:p4ssw0rd https://h/",
    "curl -fsSL \\\n  -u me:p4ssw0rd https://h/",
    "curl -H 'X-JFrog-Art-Api: p4ssw0rd' h",
    "echo 'root:p4ssw0rd' | chpasswd",
    "printf '%s' 'p4ssw0rd' | docker login -u x --password-stdin h",
    "docker login -u me --password-stdin <<< p4ssw0rd",
    "openssl rsa -passin pass:p4ssw0rd",
    "mysql -u root -pp4ssw0rd",
    "poetry config pypi-token.pypi p4ssw0rd",
    "conda config --add channels https://conda.anaconda.org/t/p4ssw0rd/x",
    "TOKEN=${TOKEN:-p4ssw0rd}",
    "|2 A=b GITHUB_PAT=p4ssw0rd /bin/sh -c make",
    "PASSWORD=%p4ssw0rd",
    "PASSWORD=yes-p4ssw0rd",
    "PASSWORD='p4'\"'\"'ssw0rd'",
    "--password p4\\ ssw0rd",
    # Users that are addresses of mail, and tokens of thousands of characters.
    "https://me@example.com:p4ssw0rd@h/",
    "https://me%40example.com:p4ssw0rd@h/",
    f"https://aws:{'x' * 3000}p4ssw0rd@h/",
    # Digits and a slash, which are a port elsewhere.
    "https://me:123/p4ssw0rd@h.example/simple/",
    "https://me:0123/p4ssw0rd@h/simple/",
    "https://me:123456/p4ssw0rd@h/simple/",
    "export PASS='p4ssw0rd'",
    "ENV PASS p4ssw0rd",
    "DEPLOY_SSH_KEY=p4ssw0rd",
    "비밀번호: p4ssw0rd",
    '"암호": "p4ssw0rd"',
]
PLAIN = [
    "100%25 of file%20name and a%40b",
    "pkg:pypi/torch@1.7.1%2Bcu110.moreh22.8.0",
    "https://h.example/?design=x&signal=9",
    "a:/b/c@d and file:/opt/x@1",
    "https://registry.example.com:5000/team/training@sha256:abc",
    "docker://registry.example.com:5000/team/training@sha256:abc",
    "registry.example.com:5000/team/training:1@sha256:abc",
    "image:tag@sha256:0123",
    "put it into ~/.netrc, or set HAC_VENDOR_USERNAME and HAC_VENDOR_PASSWORD",
    "TOKEN=$TOKEN make",
    "TOKEN=${TOKEN} make",
    "DB_PASSWORD_FILE=/run/secrets/db",
    "RUN --mount=type=secret,id=token pip install x",
    "git+ssh://git@github.com/x/y",
    "ssh://git@github.com/x/y",
    "Contact me@example.com",
    "pip install torch==2.0 # passwords",
    "https://example.com/@scope/pkg",
    "https://example.com:8443/@scope/pkg",
    "torch-1.7.1+cu110.moreh22.8.0",
    "tokenizers==0.19 --upgrade",
    'tokenizers = "0.19"',
    "secretstorage==3.3",
    "TOKENIZERS_PARALLELISM=false",
    "--max-tokens 512",
    'pad_token="[PAD]"',
    "PASSWORD= ",
    "docker run -p 8080:80 -u 1000:1000 image",
    "pip install --user foo:bar",
    "echo hello | tee x",
    '"author": "me"',
    "key: value",
    "requests @ https://files.example.com/requests-2.0.whl",
    "foo @ git+https://github.com/a/b@v1.0",
    "http://127.0.0.1:41001/simple/",
    "Unexpected token: line 1",
    "git+ssh://git@github.com:team/repository.git@v1.0",
    "Basic authentication is refused",
    "curl -o file.txt -L https://example.com:8443/@scope/pkg",
    "a &amp; b &lt;https://example.com/&gt;",
    "https://discuss.example.com/t/out-of-memory/12345",
    "tokens: 512",
    "max_token: 512",
    "USE_BASIC_AUTH=true",
    "PASSWORD=<password>",
    "PASSWORD=%PASSWORD%",
    "https://registry:5000/team/training@next/x",
    "https://example.com:5000/me@h.example/x",
    "https://h:4873/@scope.example/pkg",
    "PASS=12 FAIL=0",
    "PASS: test_one",
    "PASS=$((PASS+1))",
    "BYPASS=token",
    "SSH_KEY=~/.ssh/id_rsa",
    "SSH_KEY='/root/.ssh/id_rsa'",
    "비밀번호: ~/.netrc",
    "비밀번호를 암호화합니다",
    "aHR0cHM6Ly9leGFtcGxlLmNvbS8=",
    "\\x1b[31m and \\u0041",
]


@pytest.mark.parametrize("text", SECRET)
def test_credential_is_masked(text: str) -> None:
    masked = mask_credentials(text)
    assert "p4" not in masked
    assert "w0rd" not in masked
    assert MASK in masked


@pytest.mark.parametrize(
    "token",
    [
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "a1B2" * 15,
        "glpat-" + "a1B2" * 5,
        "hf_" + "a1B2" * 9,
        "AKIA" + "A1B2" * 4,
        "xoxb-123456789012-abcdefghij",
        "npm_" + "a1B2" * 9,
        "pypi-AgEIcHlwaS5vcmc" + "a1B2" * 20,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl",
        "AIza" + "a1B2c" * 7,
        "sk-" + "a1B2" * 12,
        "dckr_pat_" + "a1B2" * 6,
    ],
)
def test_token_is_told_by_its_form(token: str) -> None:
    assert mask_credentials(f"it said {token}, and no more") == f"it said {MASK}, and no more"
    assert mask_credentials(f"토큰{token}입니다") == f"토큰{MASK}입니다"


@pytest.mark.parametrize("text", [*SECRET, "'password': \"x", 'TOKEN="', "-----BEGIN PRIVATE KEY-----", 'Basic "'])
def test_json_that_quotes_a_credential_stays_json(text: str) -> None:
    """Masked once more where it is printed, its quotes would be lost."""
    document = {"text": text, "more": ["b", text]}
    assert json.loads(make_safe(render_json_text(document))) == {
        "text": mask_credentials(text),
        "more": ["b", mask_credentials(text)],
    }


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_credential_stays(text: str) -> None:
    assert mask_credentials(text) == text


@given(st.text(max_size=200))
def test_masked_text_is_left_as_it_is(text: str) -> None:
    once = mask_credentials(text)
    assert mask_credentials(once) == once


@pytest.mark.parametrize(
    "part",
    [
        "a",
        "://a:",
        "a+",
        "curl ",
        "token",
        "login ",
        "://@",
        "TOKEN=",
        '"auth":',
        "echo ",
        "ENV TOKEN ",
        "a:b@",
        "eyJ",
        "\\",
        "//x:",
        "'--token', ",
        "&#47;",
        '\\"password\\": \\"',
        "Basic aa",
        "machine h ",
        "${TOKEN:-",
    ],
)
def test_no_text_takes_long(part: str) -> None:
    text = part * (200_000 // len(part)) + "@token"
    begun = time.process_time()
    mask_credentials(text)
    # One second is usual, also on a loaded machine; a step for each pair of letters would take minutes.
    assert time.process_time() - begun < 20
