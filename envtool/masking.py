"""Replaces credentials in texts. Every text that leaves the program goes through `mask_credentials`.

What counts: the user part of an address, what is assigned to a name such as TOKEN or given to an option such as
`--password`, an Authorization header, a netrc entry, a private key, and tokens that tell themselves by their form.
No expression takes longer than a line is long, whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from urllib.parse import quote, unquote

MASK = "****"

# Names that hold secrets, but for those that a language model's program has, and for endings that say where a secret is
# rather than what it is.
SENSITIVE_NAME = (
    r"(?!\w*_(?:FILE|PATH|DIR|FOLDER|URL|URI|NAME|ID|TYPE|HOST|SCHEME|TTL|EXPIRY|ENABLED|COUNT|LIMIT|LENGTH)\b)"
    r"(?!(?:PAD|EOS|BOS|UNK|SEP|CLS|MASK|STOP|START|END|NEXT|LAST|FIRST|IMAGE|SPECIAL|PER)_TOKEN\b)"
    r"(?:\w*(?:TOKEN|SECRETS?|PASSW(?:OR)?D|PASSPHRASE|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|SECRET_?KEY|CREDENTIALS?)"
    r"(?:\d+|_\w*)?|\w+_(?:PASS|PWD))(?!\w)"
)
# A variable, a substitution, a placeholder, a mask or a mounted secret's path in the place of a value.
NO_VALUE = r"(?:\$|<|\{\{|%|\*{3}|/run/secrets/|(?:true|false|yes|no|none|null|required|optional)\b)"

# A text without any of these has nothing to mask, which spares it a dozen expressions.
_HINTS = (
    *(
        "@",
        "%40",
        "token",
        "secret",
        "passw",
        "passphrase",
        "_pass",
        "_pwd",
        "key",
        "credential",
        "auth",
        "login",
        "sig",
    ),
    *(" -u", " -p", "--user", "--proxy-user", "gho_", "ghp_", "ghr_", "ghs_", "ghu_", "github_pat_", "glpat-", "gldt-"),
    *(
        "glft-",
        "glsoat-",
        "glrt-",
        "glcbt-",
        "glptt-",
        "glagent-",
        "hf_",
        "akia",
        "asia",
        "abia",
        "acca",
        "xox",
        "npm_",
    ),
    *("pypi-age", "eyj", "aiza", "sk-", "sk_live", "rk_live", "dckr_pat_", "sg.", "http-basic"),
)
# A slash may be escaped as JSON has it, and an address quoted as a query has it.
_SLASHES = r":\\?/\\?/|:(?:\\u002[Ff]){2}|%3A%2F%2F"
_SIGNATURES = r"(?:X-(?:Amz|Goog)-)?(?:Signature|Credential|Security-Token)|AWSAccessKeyId|sig|(?:private|job)_token"
_HOST = r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+|localhost"
_WORD = r"(?:\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[^\s\"'&|;,]+)"
_VALUE = rf"(?!{NO_VALUE}|[\"']{NO_VALUE}|\"\"|''){_WORD}"
_OPTION = r"--?(?:[\w-]{0,40}-)?(?:password|passwd|token|secret|api-?key|access-key|secret-key)"
_LOGIN = r"\b(?:(?:docker|podman|helm|oras|skopeo|nerdctl|buildah)\s+(?:registry\s+)?login|twine\s+upload|sshpass)\b"
_CLIENT = r"\b(?:curl|wget)\b"
_KEY_BLOCK = r"[A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
# Tokens whose issuers gave them a form of their own.
_FORMS = (
    r"gh[oprsu]_\w{30,}|github_pat_\w{22,}",
    r"gl(?:pat|dt|ft|soat|rt|cbt|ptt|agent)-[\w-]{20,}",
    r"hf_[A-Za-z0-9]{20,}",
    r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}",
    r"xox[abposr]-[\w-]{10,}",
    r"npm_[A-Za-z0-9]{30,}",
    r"pypi-AgE[\w-]{40,}",
    r"eyJ[\w=-]{8,}\.eyJ[\w=-]{8,}\.[\w.+/=-]*",
    r"AIza[\w-]{35}",
    r"sk-[\w-]{20,}|[rs]k_live_\w{20,}",
    r"dckr_pat_[\w-]{20,}",
    r"SG\.[\w-]{22}\.[\w-]{43}",
)
_QUOTED = re.compile(r"%[0-9A-Fa-f]{2}")
# The parentheses have the words' neighbours stay in the text.
_BETWEEN_WORDS = re.compile(r"([\s\"'<>]+)")
_DEPTH = 4
_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def mask_credentials(text: str) -> str:
    """The text with each credential in it replaced by `MASK`. It is the same text where there is none."""
    text = _mask_plain(text)
    return _mask_quoted(text) if _QUOTED.search(text) else text


def _mask_plain(text: str) -> str:
    lower = text.lower()
    if not any(hint in lower for hint in _HINTS):
        return text
    for pattern, replacement in _compile_rules():
        text = pattern.sub(replacement, text)
    return text


def _mask_quoted(text: str) -> str:
    """The same for what is quoted as addresses have it (RFC 3986, section 2.1), once or again and again."""
    words = _BETWEEN_WORDS.split(text)
    for place, word in enumerate(words):
        plain, depth = word, 0
        while depth < _DEPTH and _QUOTED.search(plain):
            plain, depth = unquote(plain, errors="surrogateescape"), depth + 1
            masked = _mask_plain(plain)
            if masked != plain:
                words[place] = quote(masked, safe="/:?#[]@!$&'()*+,;=~", errors="surrogateescape")
                break
    return "".join(words)


def find_masked_values(text: str) -> Iterator[str]:
    """What `mask_credentials` would mask because of the words before it, without quotes; addresses left out."""
    for pattern, _replacement in _compile_word_rules():
        for match in pattern.finditer(text):
            yield match[0][len(match[1]) :].strip("\"'")


@cache
def _compile_rules() -> tuple[_Rule, ...]:
    forms = re.compile(rf"(?<![\w-])(?:{'|'.join(_FORMS)})")
    return (*_compile_address_rules(), *_compile_word_rules(), (forms, MASK))


def _compile_address_rules() -> tuple[_Rule, ...]:
    # A port is no password, and what follows it may have an @ for a digest; a password itself may have @ and /.
    both = r"[^\s/@:%?#]{0,256}:(?!\d+(?:[/?#\s]|$))[^\s@]{0,512}(?:@(?=[^\s/]{0,512}@)[^\s/@]{0,512})*"
    return (
        # A path with an address in it has lost a slash.
        (re.compile(rf"({_SLASHES}|(?<=[a-z0-9]{{2}}):/(?!/)|(?<![\w:/])//)(?:{both})@"), rf"\1{MASK}@"),
        # What lets whoever has the address read a file of a cloud's.
        (re.compile(rf"([?&](?:{_SIGNATURES})=)[^\s&\"'#<>]+", re.IGNORECASE), rf"\1{MASK}"),
        (re.compile(rf"({_SLASHES})[^\s/@:?#\\]{{1,512}}@"), _mask_bare_user),
        (re.compile(rf"({_SLASHES})[^\s/@:%]{{0,256}}%3A[^\s/@]{{0,512}}?%40", re.IGNORECASE), rf"\1{MASK}%40"),
        # Without a scheme, as where somebody took it away: user:password@host/path.
        (re.compile(rf"(?<![\w/:@.~+%-])[\w.~+%-]+:[^\s/@:]+@(?=(?:{_HOST})(?::\d+)?/)"), f"{MASK}@"),
    )


def _mask_bare_user(match: re.Match[str]) -> str:
    """A user name alone may be a token; over SSH it is who logs in with a key."""
    before = match.string[max(0, match.start() - 8) : match.start()].lower()
    return match[0] if before.endswith(("ssh", "sftp", "scp")) else f"{match[1]}{MASK}@"


@cache
def _compile_word_rules() -> tuple[_Rule, ...]:
    masked = rf"\1{MASK}"
    rules: dict[str, str] = {
        rf"((?<![\w-]){SENSITIVE_NAME}[\"']?\s?=\s?)(?!=){_VALUE}": masked,
        # As Dockerfiles assign with a blank: ENV TOKEN abc.
        rf"(\bENV\s+{SENSITIVE_NAME}\s+){_VALUE}": masked,
        # As JSON and YAML assign.
        rf"([\"'](?:{SENSITIVE_NAME}|_?auth|_authToken|identitytoken)\\?[\"']\s*:\s*){_VALUE}": rf'\1"{MASK}"',
        rf"(\b(?:oauth_token|_authToken|auth_token|access_token|client_secret)\s*[:=]\s*){_VALUE}": masked,
        rf"((?<!\S){_OPTION}(?:\s+|=))(?!-){_VALUE}": masked,
        r"((?:Proxy-)?Authorization[\"']?\s*[:=]\s*[\"']?(?:(?:Basic|Bearer|Token|Digest)\s+)?)[^\s\"']+": masked,
        r"\b((?:X-[\w-]{0,40}(?:Token|Key)|(?:Private|Job|Deploy)-Token)\s*:\s*)[^\s\"']+": masked,
        r"(\blogin\s{1,8})\S{1,512}(\s{1,8}password\s{1,8})[^\s\"'|>\\]+": rf"\1{MASK}\2{MASK}",
        rf"({_CLIENT}[^|;&\n]{{0,400}}?\s(?:-u|--user|--proxy-user)[\s=]\s{{0,8}}[\"']?)[^\s:\"'$]+:[^\s\"'$]+": masked,
        rf"({_LOGIN}[^|;&\n]{{0,400}}?\s-p\s*){_VALUE}": masked,
        rf"(\becho\s+(?:-n\s+)?){_VALUE}(?=\s{{0,8}}\|[^|]{{0,200}}--password-stdin)": masked,
        rf"(\bhttp-basic\.\S{{1,80}}\s+\S{{1,256}}\s+){_VALUE}": masked,
        rf"(-----BEGIN {_KEY_BLOCK})(?s:.*?)(?:-----END {_KEY_BLOCK}|\Z)": masked,
    }
    return tuple((re.compile(pattern, re.IGNORECASE), replacement) for pattern, replacement in rules.items())
