"""Replaces credentials in texts. Every text that leaves the program goes through `mask_credentials`.

What counts: the user part of an address, what is assigned to a name such as TOKEN or given to an option such as
`--password`, an Authorization header, a netrc entry, a private key, and tokens that tell themselves by their form. It
counts as well where it is quoted as addresses, HTML or JSON have it, or as Base64 where that is usual. What is encoded
as a whole is to be masked before that, and is a `MaskedText` then.
No expression takes longer than a line is long, whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from urllib.parse import quote, unquote

MASK = "****"

# Names that hold secrets, but for those that a language model's program has, and for endings that say where a secret is
# rather than what it is.
SENSITIVE_NAME = (
    r"(?!\w*_(?:FILE|PATH|DIR|FOLDER|URL|URI|NAME|ID|TYPE|HOST|SCHEME|TTL|EXPIRY|ENABLED|COUNT|LIMIT|LENGTH)\b)"
    r"(?!(?:PAD|EOS|BOS|UNK|SEP|CLS|MASK|STOP|START|END|NEXT|LAST|FIRST|IMAGE|SPECIAL|PER)_TOKEN\b)"
    r"(?:\w*(?:TOKEN|SECRETS?|PASSW(?:OR)?D|PASSPHRASE|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|SECRET_?KEY|CREDENTIALS?)"
    r"(?:\d+|_\w*)?|\w+_(?:PASS|PWD|PW|CREDS?)|\w*(?:SIGNING|ENCRYPTION|MASTER|AUTH)_KEY"
    r"|(?:\w+_)?(?:NPM|BASIC|DOCKER|REGISTRY|HTTP|PROXY)_AUTH|(?:\w+_)?(?:GH|GIT|GITHUB|GITLAB|AZURE|ADO|AZP|CI)_PAT)(?!\w)"
)
# A variable, a substitution, a placeholder, a mask or a mounted secret's path in the place of a value.
NO_VALUE = (
    r"(?:\$|<(?:[/<(\s&]|[\w .:-]{0,60}>)|\{\{|%(?:\w{1,60}%|\(\w{1,60}\)|[sdrq](?!\w)|\{)|\*{3}|/run/secrets/"
    r"|(?:true|false|yes|no|none|null|required|optional)(?![\w-]|\.\w))"
)

# A text without any of these has nothing to mask, which spares it a dozen expressions.
_HINTS = (
    *(" -u", " -p", "pass =", "env pass "),
    *"""
    @ %40 token secret passw passphrase _pass _pwd _pw _pat _cred basic curl x- -pass chpasswd /t/ ahr0c key
    credential auth login sig --user --proxy-user gho_ ghp_ ghr_ ghs_ ghu_ github_pat_ glpat- gldt- glft- glsoat-
    glrt- glcbt- glptt- glagent- hf_ akia asia abia acca xox npm_ pypi-age eyj aiza sk- sk_live rk_live dckr_pat_
    sg. http-basic pass= 비밀번호 패스워드 암호
    """.split(),  # noqa: SIM905
)
# A slash may be escaped as JSON has it, and an address quoted as a query has it.
_SLASHES = r":\\?/\\?/|:(?:\\u002[Ff]){2}|%3A%2F%2F"
_SIGNATURES = r"(?:X-(?:Amz|Goog)-)?(?:Signature|Credential|Security-Token)|AWSAccessKeyId|sig|(?:private|job)_token"
_HOST = r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+|localhost"
_DOTTED = r"(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}(?::\d+)?"
_QUOTED_WORD = r"(?:\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*')"
# With quotes that are quoted themselves, as in JSON within JSON; and several in a row, which a shell makes one of.
_ESCAPED_WORD = r"(?P<escape>\\{1,15})(?P<quote>[\"'])(?:(?!(?P=escape)(?P=quote))[^\n]){0,4096}+(?P=escape)(?P=quote)"
_WORD = rf"(?:{_QUOTED_WORD}(?:{_QUOTED_WORD}|\\['\"])*+|{_ESCAPED_WORD}|(?:\\ |[^\s\"'&|;,])+)"
_QUOTE = r"\\{0,15}+[\"']"
_VALUE = rf"(?!{NO_VALUE}|\\{{0,15}}[\"']{NO_VALUE}|\"\"|''|\\{{1,15}}\"\\{{1,15}}\"){_WORD}"
_OPTION = r"--?(?:[\w-]{0,40}-)?(?:password|passwd|token|secret|api-?key|access-key|secret-key)"
_LOGIN = (
    r"\b(?:(?:docker|podman|helm|oras|skopeo|nerdctl|buildah)\s+(?:registry\s+)?login|twine\s+upload|sshpass|az\s+login"
    r"|mysql(?:dump|admin|import)?|useradd)\b"
)
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
    r"(?<![\w-])sk-[\w-]{20,}|[rs]k_live_\w{20,}",
    r"dckr_pat_[\w-]{20,}",
    r"SG\.[\w-]{22}\.[\w-]{43}",
)
_QUOTED = re.compile(r"%[0-9A-Fa-f]{2}")
# The parentheses have the words' neighbours stay in the text.
_BETWEEN_WORDS = re.compile(r"([\s\"'<>]+)")
_DEPTH = 4
_ESCAPES = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});|\\u00[0-9A-Fa-f]{2}|\\x[0-9A-Fa-f]{2}")
_Replacement = str | Callable[[re.Match[str]], str]
_Rule = tuple[re.Pattern[str], _Replacement]
_Rules = dict[str, _Replacement]


class MaskedText(str):
    """A text whose parts were masked before they were encoded, as JSON or HTML: masked again, it might be none."""

    __slots__ = ()


def join_texts(texts: Sequence[str]) -> str:
    """The texts as lines of one, which is masked where all of them are."""
    joined = "\n".join(texts)
    return MaskedText(joined) if all(isinstance(text, MaskedText) for text in texts) else joined


def mask_credentials(text: str) -> str:
    """The text with each credential in it replaced by `MASK`. It is the same text where there is none."""
    text = _mask_plain(text)
    if _QUOTED.search(text):
        text = _mask_quoted(text)
    return _mask_escaped(text) if _ESCAPES.search(text) else text


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


def _mask_escaped(text: str) -> str:
    """The same for lines in which characters are escaped as HTML, JSON or Python have it."""
    lines = text.split("\n")
    for place, line in enumerate(lines):
        plain, depth = line, 0
        while depth < _DEPTH and _ESCAPES.search(plain):
            plain, depth = _ESCAPES.sub(_decode_escape, plain), depth + 1
            masked = _mask_plain(plain)
            if masked != plain:
                lines[place] = masked
                break
    return "\n".join(lines)


def _decode_escape(match: re.Match[str]) -> str:
    """The character, where it is a printable one; a line's end or a control character stays escaped."""
    escape = match[0]
    if escape.startswith("\\"):
        character = chr(int(escape[2:], 16))
    else:
        from html import unescape

        character = unescape(escape)
    return character if character.isprintable() else escape


def find_masked_values(text: str) -> Iterator[str]:
    """What `mask_credentials` would mask because of the words before it, without quotes; addresses left out."""
    for pattern, _replacement in _compile_word_rules():
        for match in pattern.finditer(text):
            yield match[0][len(match[1]) :].strip("\\\"'")


@cache
def _compile_rules() -> tuple[_Rule, ...]:
    forms = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_FORMS)})", re.ASCII)
    encoded = re.compile(r"(?<![A-Za-z0-9+/])(?:(?<=[Bb]asic )|(?=aHR0c))[A-Za-z0-9+/]{6,8192}={0,2}")
    return (*_compile_address_rules(), *_compile_word_rules(), (forms, MASK), (encoded, _mask_base64))


def _compile_address_rules() -> tuple[_Rule, ...]:
    # A port is no password, and what follows it may have an @ for a digest; a password itself may have @ and /.
    # A user may be an address of mail; tokens in the place of passwords have thousands of characters.
    # No port has more than five digits, or begins with 0.
    no_port = r"(?![1-9]\d{0,4}(?:[/?#\s]|$))"
    mail = rf"@(?=[^\s/@:]{{1,256}}:{no_port}[^\s/@]{{1,256}}@)[^\s/@:%?#]{{1,256}}"
    user = rf"(?:[^\s/@:%?#]|%(?!3[Aa])){{0,1024}}+(?:{mail})?"
    both = rf"{user}:{no_port}[^\s@]{{0,4096}}+(?:@(?=[^\s/]{{0,512}}@)[^\s/@]{{0,512}})*"
    in_path = r"[^\s@]{0,512}(?<!/)"
    return (
        # A path with an address in it has lost a slash.
        (re.compile(rf"({_SLASHES}|(?<=[a-z0-9]{{2}}):/(?!/)|(?<![\w:/])//)(?:{both})@"), _mask_user),
        # Digits and a slash are a password, no port, where a host with dots and its path come after.
        (
            re.compile(rf"({_SLASHES})(?!localhost:)[^\s/@:%?#.]{{1,256}}:\d{{1,5}}/{in_path}@(?={_DOTTED}/)"),
            rf"\1{MASK}@",
        ),
        # What lets whoever has the address read a file of a cloud's.
        (re.compile(rf"([?&](?:{_SIGNATURES})=)[^\s&\"'#<>]+", re.IGNORECASE), rf"\1{MASK}"),
        (re.compile(rf"({_SLASHES})[^\s/@:?#\\]{{1,512}}@"), _mask_bare_user),
        (re.compile(rf"({_SLASHES})[^\s/@:%]{{0,256}}%3A[^\s/@]{{0,512}}?%40", re.IGNORECASE), rf"\1{MASK}%40"),
        # Without a scheme, as where somebody took it away: user:password@host/path.
        (re.compile(rf"(?<![\w/:@.~+%-])[\w.~+%-]+:[^\s/@:]+@(?=(?:{_HOST})(?::\d+)?/)"), f"{MASK}@"),
    )


def _mask_user(match: re.Match[str]) -> str:
    """A user and a password. What looks so behind `git@HOST:` of SSH is a repository and its revision."""
    is_path = _logs_in_by_ssh(match) and "@" in match[0].partition("//")[2].partition(":")[0]
    return match[0] if is_path else f"{match[1]}{MASK}@"


def _mask_base64(match: re.Match[str]) -> str:
    """What is encoded, where it is a user with a password, or has a credential in it."""
    import binascii

    try:
        plain = binascii.a2b_base64(match[0] + "=" * (-len(match[0]) % 4)).decode("ascii")
    except (ValueError, UnicodeDecodeError):
        return match[0]
    is_pair = not plain.startswith("http") and ":" in plain and plain.isprintable()
    return MASK if is_pair or _mask_plain(plain) != plain else match[0]


def _mask_bare_user(match: re.Match[str]) -> str:
    """A user name alone may be a token; over SSH it is who logs in with a key."""
    return match[0] if _logs_in_by_ssh(match) else f"{match[1]}{MASK}@"


def _logs_in_by_ssh(match: re.Match[str]) -> bool:
    return match.string[max(0, match.start() - 8) : match.start()].lower().endswith(("ssh", "sftp", "scp"))


def _mask_value(match: re.Match[str]) -> str:
    """The mask in the quotes that the value has, or in JSON's."""
    quote = (match["escape"] or "") + (match["quote"] or '"')
    return f"{match[1]}{quote}{MASK}{quote}"


@cache
def _compile_word_rules() -> tuple[_Rule, ...]:
    return (*_compile_assignment_rules(), *_compile_command_rules())


def _compile_assignment_rules() -> tuple[_Rule, ...]:
    """What is assigned to a name, in files of many kinds."""
    masked = rf"\1{MASK}"
    rules: _Rules = {
        rf"((?<![\w-]){SENSITIVE_NAME}[\"']?\s?=\s?)(?!=){_VALUE}": masked,
        # Names that also stand for a count of tests and for a file.
        rf"((?<![\w-])(?:PASS|(?:\w+_)?SSH_KEY)\s?=\s?)(?!=|[\"']?[~./]|[\"']?\d{{1,4}}(?!\w)){_VALUE}": masked,
        rf"(\bENV\s+(?:PASS|SSH_KEY)\s+)(?![~./]){_VALUE}": masked,
        rf"((?:비밀번호|패스워드|암호)[\"']?[ \t]?[:=][ \t]?)(?![~./]){_VALUE}": masked,
        # A default, where the variable is not set.
        rf"(\$\{{{SENSITIVE_NAME}:?[-=+])(?!{NO_VALUE})[^\s}}$]+": masked,
        # As Dockerfiles assign with a blank: ENV TOKEN abc.
        rf"(\bENV\s+{SENSITIVE_NAME}\s+){_VALUE}": masked,
        # As JSON and YAML assign, an XML element, and a line of a YAML or INI file that has nothing else.
        rf"({_QUOTE}(?:{SENSITIVE_NAME}|_?auth|_authToken|identitytoken){_QUOTE}\s*:\s*){_VALUE}": _mask_value,
        rf"(\bname:[ \t]*[\"']?{SENSITIVE_NAME}[\"']?\s{{1,80}}value:[ \t]*){_VALUE}": masked,
        rf"(<{SENSITIVE_NAME}>)[^<>\s]+(?=</)": masked,
        rf"((?m:^)[ \t]*+(?:-[ \t]+)?{SENSITIVE_NAME}[ \t]*:[ \t]*)(?!\d{{1,4}}(?:\s|$))"
        rf"{_VALUE}(?=[ \t]*(?m:$)|\\n|\\?[\"'])": masked,
        rf"((?:\\n|[\"'])[ \t]*{SENSITIVE_NAME}:[ \t]+)(?!{NO_VALUE}|[\"'])[^\s\"'\\]+(?=\\n|\\?[\"'])": masked,
        r"((?<!\w)(?:oauth_token|_authToken|_auth|_password|auth_token|access_token|client_secret)"
        rf"\s*[:=]\s*){_VALUE}": masked,
        rf"(:_(?:authToken|auth|password)\s+){_VALUE}": masked,
        r"((?:Proxy-)?Authorization[\"']?\s*[:=]\s*[\"']?(?:(?:Basic|Bearer|Token|Digest)\s+)?)[^\s\"']+": masked,
        r"\b((?:X-[\w-]{0,40}(?:Token|Key|Api)|(?:Private|Job|Deploy)-Token)\s*:\s*)[^\s\"']+": masked,
        r"(\blogin\s{1,8})\S{1,512}(\s{1,8}(?:account\s{1,8}\S{1,512}\s{1,8})?password\s{1,8})[^\s\"'|>\\]+": (
            rf"\1{MASK}\2{MASK}"
        ),
        r"(\b(?:machine\s{1,8}\S{1,256}|default)\s{1,8}password\s{1,8})[^\s\"'|>\\]+": masked,
        # Tokens of Anaconda's in the addresses of channels.
        r"(\b[\w.-]{0,80}anaconda[\w.-]{0,80}/(?:[^\s\"']{0,80}/)?t/)[\w-]{6,}": masked,
        r"(/t/)[a-z]{2}-[0-9a-f]{8}-[0-9a-f-]{20,}": masked,
        rf"(-----BEGIN {_KEY_BLOCK})(?s:.*?)(?:-----END {_KEY_BLOCK}|\Z)": masked,
    }
    return _compile(rules)


def _compile_command_rules() -> tuple[_Rule, ...]:
    """What commands are given, as instructions of images and logs have them."""
    masked = rf"\1{MASK}"
    rules: _Rules = {
        rf"((?<![^\s\"'\[(,]){_OPTION}(?:\s+|=))(?!-|{NO_VALUE})"
        rf"(?:(?=[\"']|\\[\"'\\]){_VALUE}|(?:\\ |[^\s\"'&|;,])+)": masked,
        # The same as a list of words has it.
        rf"(\bauth\s?=\s?\(\s?[^\s,()]{{1,256}},\s?){_VALUE}": masked,
        rf"({_QUOTE}{_OPTION}{_QUOTE}\s*,\s*){_VALUE}": _mask_value,
        rf"({_CLIENT}(?:[^|;&\n]|\\\n){{0,400}}?[\s\"'](?:-[A-Za-z]{{0,8}}u|--user|--proxy-user)"
        r"(?:\\{0,15}+[\"'],)?[\s=]{0,8}\\{0,15}+[\"']?)[^\s:\"'$/\\-][^\s:\"'$/\\]*+:[^\s\"'$\\]+": masked,
        rf"({_LOGIN}[^|;&\n]{{0,400}}?\s-p\s*){_VALUE}": masked,
        rf"(\b(?:echo\s+(?:-[ne]\s+)?|printf\s+(?:[\"']%s(?:\\n)?[\"']\s+)?)){_VALUE}"
        r"(?=\s{0,8}\|[^|]{0,200}--password-stdin)": masked,
        rf"(--password-stdin[^|;&\n]{{0,200}}<<<\s*){_VALUE}": masked,
        r"(\b(?:echo|printf)\s+(?:-[ne]\s+)?[\"']?[\w.-]{1,64}:)[^\s\"'$|]+"
        r"(?=[\"']?\s{0,8}\|\s{0,8}(?:sudo\s+)?chpasswd)": masked,
        r"(-pass(?:in|out)?\s+pass:)[^\s\"'$]+": masked,
        rf"(\bhttp-basic\.\S{{1,80}}\s+\S{{1,256}}\s+){_VALUE}": masked,
        rf"(\bpypi-token\.\S{{1,80}}\s+){_VALUE}": masked,
        r"(\bwandb\s+login\s+(?:--\S{1,80}\s+)?)[0-9a-f]{40}\b": masked,
    }
    return _compile(rules)


def _compile(rules: _Rules) -> tuple[_Rule, ...]:
    return tuple((re.compile(pattern, re.IGNORECASE), replacement) for pattern, replacement in rules.items())
