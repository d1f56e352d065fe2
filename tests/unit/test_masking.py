"""What is masked in a text that leaves the program, and what is left as it is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_credential_stays(text: str) -> None:
    assert mask_credentials(text) == text


@given(st.text(max_size=200))
def test_masked_text_is_left_as_it_is(text: str) -> None:
    once = mask_credentials(text)
    assert mask_credentials(once) == once


@pytest.mark.parametrize(
    "part",
    ["a", "://a:", "a+", "curl ", "token", "login ", "://@", "TOKEN=", '"auth":', "echo ", "ENV TOKEN ", "a:b@", "eyJ"],
)
def test_no_text_takes_long(part: str) -> None:
    text = part * (200_000 // len(part)) + "@token"
    begun = time.process_time()
    mask_credentials(text)
    assert time.process_time() - begun < 2
