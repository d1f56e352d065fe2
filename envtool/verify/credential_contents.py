"""What in a file's content is a credential.

Tokens that tell themselves by their form are those of detect-secrets' plugins, and a few more. Beyond these count
private keys, addresses with a password, and what is assigned to a name that holds a secret, where people do that.
Examples in documentation, placeholders and variables are no credentials.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from envtool.errors import SetupError
from envtool.language import tell
from envtool.masking import NO_VALUE, SENSITIVE_NAME, find_masked_values
from envtool.verify.credential_files import is_document, is_settings_file, is_shell_file, keeps_credential

# By class: what it finds, and texts of which every token of it has one, in small letters; looking for those is cheap.
_PLUGINS: dict[str, tuple[str, tuple[str, ...]]] = {
    "aws.AWSKeyDetector": (tell("an AWS key"), ("akia", "asia", "abia", "acca", "a3t", "aws")),
    "azure_storage_key.AzureStorageKeyDetector": (tell("a key of Azure Storage"), ("accountkey=",)),
    "discord.DiscordBotTokenDetector": (tell("a Discord token"), (".",)),
    "github_token.GitHubTokenDetector": (tell("a GitHub token"), ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    "gitlab_token.GitLabTokenDetector": (tell("a GitLab token"), ("gl", "gr1348941")),
    "jwt.JwtTokenDetector": (tell("a JSON web token"), ("eyj",)),
    "mailchimp.MailchimpDetector": (tell("a Mailchimp key"), ("-us",)),
    "npm.NpmDetector": (tell("an npm token"), (":_authtoken",)),
    "openai.OpenAIDetector": (tell("an OpenAI key"), ("t3blbkfj",)),
    "pypi_token.PypiTokenDetector": (tell("a PyPI token"), ("pypi-age",)),
    "sendgrid.SendGridDetector": (tell("a SendGrid key"), ("sg.",)),
    "slack.SlackDetector": (tell("a Slack token"), ("xox", "hooks.slack")),
    "square_oauth.SquareOAuthDetector": (tell("a Square secret"), ("sq0csp-",)),
    "stripe.StripeDetector": (tell("a Stripe key"), ("k_live_",)),
    "telegram_token.TelegramBotTokenDetector": (tell("a Telegram token"), (":",)),
    "twilio.TwilioKeyDetector": (tell("a Twilio key"), ("ac", "sk")),
}
# Of services that the plugins do not know, or not in their newest form.
_FORMS: dict[str, tuple[str, str]] = {
    tell("a Hugging Face token"): ("hf_", r"hf_[A-Za-z0-9]{30,}"),
    tell("a GitHub token"): ("gh", r"gh[oprsu]_[A-Za-z0-9]{36,}|github_pat_\w{60,}"),
    tell("a Google API key"): ("aiza", r"AIza[\w-]{35}"),
    tell("a Docker Hub token"): ("dckr_pat_", r"dckr_pat_[\w-]{20,}"),
    tell("an Anthropic key"): ("sk-ant-", r"sk-ant-[\w-]{40,}"),
    tell("an npm token"): ("npm_", r"npm_[A-Za-z0-9]{36}"),
}
_NAMED = (
    *("token", "secret", "passw", "passphrase", "api_key", "apikey", "access_key", "accesskey", "private_key"),
    *("privatekey", "credential", "_pass", "_pwd"),
)
# Cheap to look for, and one of them is in every text with a credential.
_HINTS = (
    *(b"://", b"private key", b"token", b"secret", b"pass", b"pwd", b"key", b"auth", b"credential", b"putty-user"),
    *(b"gh", b"gl", b"xox", b"eyj", b"hf_", b"sg.", b"akia", b"asia", b"sk", b"pypi-", b"npm_", b"aiza", b"login"),
    *(b" -u", b" -p", b"dckr_pat_"),
)
_ADDRESS = re.compile(r"://([^\s/@:\"'<>`]{0,256}):([^\s/@\"'<>`]{1,512})@([\w.-]+)")
# What people write where a password would be.
_PLACEHOLDER = re.compile(
    rf"{NO_VALUE}|(?:\w*pass(?:word|wd)?|pw|pwd|\w*secret|\w*token|api_?key|user(?:name)?|[x*.]+|change-?me|foo|bar"
    r"|(?:your|my|some|the)[\w-]*|example\w*|dummy\w*|fake\w*|test\w*|redacted|hidden|\[.*|\{.*|.*\}|.*\$[\w({].*)$",
    re.IGNORECASE,
)
_EXAMPLE_HOST = re.compile(
    r"(?:^|\.)(?:example(?:\.\w+)?|test|invalid|localhost|host(?:name)?|server|domain(?:\.tld)?)$|^127\.", re.IGNORECASE
)
_EXAMPLE_TOKEN = re.compile(r"example|1234567890|abcdefgh|x{6}|0{8}", re.IGNORECASE)
# A key's block: its first line, then base64 to fill a line, whatever stands for the line's end.
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:(?:RSA|DSA|EC|OPENSSH|ENCRYPTED|SSH2 ENCRYPTED) )?PRIVATE KEY-----(?:\s|\\n|\\r){1,8}"
    r"(?:[A-Za-z-]{1,40}: [^\n\\]{1,80}(?:\s|\\n){1,4}){0,4}[A-Za-z0-9+/=]{40}"
    r"|^-----BEGIN PGP PRIVATE KEY BLOCK-----\s*$|^PuTTY-User-Key-File-\d:",
    re.MULTILINE,
)
# As programs and their settings have it: quoted, or behind a colon; long enough, and of letters and digits.
_VALUE = r"(?:[\"']([\w+/=.~!@#%^&*-]{8,200})[\"']|(?<=: )([\w+/=.~-]{8,200})\s*$)"
_LITERAL = re.compile(
    rf"(?<![\w.-]){SENSITIVE_NAME}[\"']?\s{{0,4}}[:=]\s{{0,4}}{_VALUE}",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class _TokenRule:
    """What it finds, what to look for first, the form, and a further test of what has the form."""

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    is_valid: Callable[[str], bool] = lambda _token: True


def load_detectors() -> None:
    """Import the rules now. Raises `SetupError` where detect-secrets is not installed."""
    _token_rules()


def find_credentials(path: str, data: bytes) -> tuple[str, ...]:
    """The kinds of credentials in a file's content, each once. Raises `SetupError` as `load_detectors` does."""
    lower = data.lower()
    if not any(hint in lower for hint in _HINTS):
        return ()
    text = _decode(data)
    return tuple(dict.fromkeys(_find(path, text))) if text is not None else ()


def _decode(data: bytes) -> str | None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return None if b"\0" in data else data.decode("utf-8", "replace")


def _find(path: str, text: str) -> Iterator[str]:
    if keeps_credential(path, text):
        yield tell("what its program logs in with")
    if _PRIVATE_KEY.search(text) and not is_document(path):
        yield tell("a private key")
    yield from _find_tokens(text)
    is_shell, is_settings = is_shell_file(path, text), is_settings_file(path)
    # In force, they are what they are; elsewhere an address may be an example.
    if _has_address(text, is_real=(is_shell or is_settings) and not is_document(path)):
        yield tell("an address with a password")
    if is_document(path):
        return
    if is_shell or is_settings:
        if any(not _is_placeholder(value) for value in find_masked_values(text)):
            yield tell("a password or token")
    elif any(name in text.lower() for name in _NAMED) and _has_literal(text):
        yield tell("a password or token")


def _has_address(text: str, *, is_real: bool) -> bool:
    for match in _ADDRESS.finditer(text):
        user, password, host = match.groups()
        if re.match(NO_VALUE, password) or re.search(r"\$[\w({]|\{\w*\}|^%", f"{user}{password}"):
            continue
        if is_real or not (_PLACEHOLDER.match(password) or _EXAMPLE_HOST.search(host)):
            return True
    return False


def _find_tokens(text: str) -> Iterator[str]:
    lower = text.lower()
    for rule in _token_rules():
        if any(hint in lower for hint in rule.hints) and any(
            _stands_alone(match) and rule.is_valid(match[0]) for match in rule.pattern.finditer(text)
        ):
            yield rule.kind


def _has_literal(text: str) -> bool:
    # Line by line, because hardly any line is about a secret.
    lines = (line for line in text.split("\n") if any(name in line.lower() for name in _NAMED))
    return any(_is_literal(match[1] or match[2]) for line in lines for match in _LITERAL.finditer(line))


def _stands_alone(match: re.Match[str]) -> bool:
    """Whether it is no part of a longer word, and no example."""
    # A rule that goes by the words before a token has the token as a group.
    group = next((number for number, value in enumerate(match.groups(), 1) if value and len(value) >= 20), 0)
    token, (start, end) = match[group], match.span(group)
    if len(set(token)) < 8 or _EXAMPLE_TOKEN.search(token):
        return False
    before, after = match.string[max(0, start - 1) : start], match.string[end : end + 1]
    return (group > 0 or not re.match(r"[\w+-]", before)) and not re.match(r"[\w+-]", after)


def _is_placeholder(value: str) -> bool:
    return not value or _PLACEHOLDER.match(value) is not None


def _is_literal(value: str) -> bool:
    has_both = re.search(r"\d", value) is not None and re.search(r"[A-Za-z]", value) is not None
    return has_both and len(set(value)) > 4 and not _is_placeholder(value) and not _EXAMPLE_TOKEN.search(value)


@cache
def _token_rules() -> tuple[_TokenRule, ...]:
    rules: list[_TokenRule] = []
    try:
        for name, (kind, hints) in _PLUGINS.items():
            module, _, class_name = name.partition(".")
            detector = getattr(import_module(f"detect_secrets.plugins.{module}"), class_name)
            is_valid = getattr(detector, "is_formally_valid", lambda _token: True)
            rules += [_TokenRule(kind, hints, pattern, is_valid) for pattern in detector.denylist]
    except ImportError as error:
        raise SetupError(
            tell("the search for credentials needs the library detect-secrets"),
            why=str(error),
            remedy=tell("make venv   (or: uv tool install '.[image]')"),
        ) from error
    for kind, (hint, form) in _FORMS.items():
        rules.append(_TokenRule(kind, (hint,), re.compile(rf"(?<![\w-])(?:{form})(?![\w-])")))
    return tuple(rules)
