"""Which files of an image are searched for credentials: by their name, what they are for, and who brought them."""

from __future__ import annotations

import re

from envtool.release.read_profile import load_service

# Bytes. A larger file is data, not something that a person wrote a password into.
LARGEST = 512 << 10
# What came with a package: the distribution's, conda's, Python's or another language's; and what tests are fed with.
_PACKAGED = re.compile(
    r"(?:^|/)(?:site|dist)-packages/|^usr/(?:s?bin|(?:local/)?(?:lib\w*|share|include|games))/|^(?:s?bin|lib\w*|boot|dev|proc|sys)/"
    r"|^var/(?:lib/(?:dpkg|apt)|cache)/|(?:^|/)(?:conda-meta|__pycache__|node_modules)/|(?:^|/)lib/python[23]\.\d+/"
    r"|^opt/(?:conda|miniconda\w*|hac)/(?:pkgs|(?:envs/[^/]+/)?(?:include|lib|libexec|share|ssl|man|x86_64-\w+))/"
    r"|(?:^|/)tests?/"
)
# Files that need no look inside.
_ALWAYS = re.compile(
    rf"^{re.escape(load_service().token.lstrip('/'))}$|(?:^|/)\.(?:netrc|git-credentials|pgpass|vault-token)$|(?:^|/)\.ssh/id_\w+$"
    r"|(?:^|/)\.aws/credentials$|(?:^|/)\.(?:cache/)?huggingface/(?:token|stored_tokens)$|(?:^|/)\.kaggle/kaggle\.json$"
    r"|(?:^|/)gcloud/(?:application_default_credentials\.json|credentials\.db)$|(?:^|/)\.cargo/credentials(?:\.toml)?$"
)
_ALWAYS_NAMES = frozenset(
    {
        *(".netrc", ".git-credentials", ".pgpass", ".vault-token", "token", "stored_tokens", "credentials"),
        *("kaggle.json", "application_default_credentials.json", "credentials.db", "credentials.toml"),
    }
)
_LINES = re.MULTILINE | re.IGNORECASE
# Files of programs that keep credentials, by name, and how a credential looks in there.
_KEPT: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (
        re.compile(r"\.(?:pem|key)$|(?:^|/)id_(?:rsa|dsa|ecdsa|ed25519)$"),
        re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY"),
    ),
    (
        re.compile(r"(?:^|/)\.docker/config\.json$|(?:^|/)\.dockercfg$|(?:^|/)containers/auth\.json$"),
        re.compile(r'"(?:auth|identitytoken)"\s*:\s*"[^"]'),
    ),
    (
        re.compile(r"(?:^|/)\.(?:npmrc|yarnrc)(?:\.yml)?$"),
        re.compile(r"_?auth(?:Token|Ident)?\s*[=:]\s*[^\s$]", _LINES),
    ),
    (
        re.compile(r"(?:^|/)\.(?:pypirc|my\.cnf|s3cfg|boto|databrickscfg)$"),
        re.compile(r"^\s*(?:password|secret_key|token|gs_oauth2_refresh_token)\s*[:=]\s*\S", _LINES),
    ),
    (re.compile(r"(?:^|/)\.kube/config$"), re.compile(r"(?:client-key-data|token|password):\s*\S")),
    (re.compile(r"(?:^|/)gh/hosts\.ya?ml$|(?:^|/)\.config/(?:hub$|glab-cli/config\.yml$)"), re.compile(r"token:\s*\S")),
    (
        re.compile(r"(?:^|/)\.m2/settings(?:-security)?\.xml$"),
        re.compile(r"<(?:password|passphrase)>\s*[^<$\s]"),
    ),
    (re.compile(r"(?:^|/)credentials\.tfrc\.json$"), re.compile(r'"token"\s*:\s*"[^"]')),
)
# Files of settings, in which an address with a password is meant.
_SETTINGS = re.compile(
    r"(?:^|/)(?:pip\.conf|pip\.ini|uv\.toml|\.?condarc|sources\.list|environment|\.wgetrc|\.curlrc|\.gemrc)$"
    r"|(?:^|/)sources\.list\.d/|(?:^|/)(?:auth|apt)\.conf|(?:^|/)\.git/config$|(?:^|/)\.?gitconfig$"
    r"|(?:^|/)[^/]*(?:requirements|constraints)[^/]*\.(?:txt|in)$|(?:^|/)requirements/[^/]+\.(?:txt|in)$"
    r"|(?:^|/)(?:Pipfile|poetry\.toml|pyproject\.toml|environment\.ya?ml)$"
)
# Files of shells: what is assigned there is in force, and a history has whatever was typed.
_SHELL = re.compile(
    r"(?:^|/)\.?\w*_?history$|(?:^|/)\.?(?:bash|zsh|ksh|csh|tcsh)?(?:rc|env)$"
    r"|(?:^|/)\.?(?:bash_|z)?(?:profile|login|logout|aliases)$|(?:^|/)\.bash\w*$|(?:^|/)profile\.d/"
    r"|(?:^|/)\.env(?:\.[\w-]+)*$|\.(?:sh|bash|zsh|ksh|fish|env|envrc)$"
    r"|(?:^|/)etc/(?:environment|profile|bash\.bashrc|default/[^/]+)$|(?:^|/)\.?(?:Docker|Container|Make)file[^/]*$"
)
_SHEBANG = re.compile(r"#!\s*\S*/(?:env\s+)?(?:ba|z|k|da|a)?sh\b")
_DOCUMENT = re.compile(
    r"\.(?:md|rst|adoc|html?)$|(?:^|/)(?:README|LICEN[CS]E|CHANGE\w*|NOTICE|COPYING)[^/]*$"
    r"|(?:^|[._/-])(?:example|sample|template|tmpl)(?:$|[._-])",
    re.IGNORECASE,
)


def is_credential_file(path: str) -> bool:
    """Whether a file of this name is a credential, whatever is in it."""
    name = path.rpartition("/")[2]
    return (name in _ALWAYS_NAMES or name.startswith("id_")) and _ALWAYS.search(path) is not None


def may_hold_credentials(path: str, size: int) -> bool:
    """Whether a file is to be searched."""
    return 0 < size <= LARGEST and _PACKAGED.search(path) is None


def keeps_credential(path: str, text: str) -> bool:
    """Whether it is a file in which a program keeps credentials, and there is one in its text."""
    return any(name.search(path) and content.search(text) for name, content in _KEPT)


def is_settings_file(path: str) -> bool:
    """Whether addresses in the file are in force, rather than mentioned."""
    return _SETTINGS.search(path) is not None


def is_shell_file(path: str, text: str) -> bool:
    """Whether a shell reads, or wrote, the file."""
    return _SHELL.search(path) is not None or _SHEBANG.match(text) is not None


def is_document(path: str) -> bool:
    """Whether the file is for people to read, or to be copied and filled in."""
    return _DOCUMENT.search(path) is not None
