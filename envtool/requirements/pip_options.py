"""pip's settings → the options that an install runs with."""

from __future__ import annotations

from collections.abc import Mapping

from envtool.requirements.model import InstallOptions

_YES = frozenset({"1", "true", "yes", "on", "t", "y"})


def parse_pip_settings(settings: Mapping[str, str]) -> InstallOptions:
    """From pip's settings by their long option's name (pip documentation, "Configuration", lists part at blanks)."""

    def words(name: str) -> tuple[str, ...]:
        return tuple(settings.get(name, "").split())

    def is_set(name: str) -> bool:
        return settings.get(name, "").strip().lower() in _YES

    date = settings.get("uploaded-prior-to", "").strip()
    return InstallOptions(
        index_url=settings.get("index-url") or None,
        extra_index_urls=words("extra-index-url"),
        find_links=words("find-links"),
        no_index=is_set("no-index"),
        pre=is_set("pre"),
        upgrade=is_set("upgrade"),
        eager=is_set("upgrade") and settings.get("upgrade-strategy", "").strip() == "eager",
        no_deps=is_set("no-deps"),
        require_hashes=is_set("require-hashes"),
        no_binary=tuple(settings.get("no-binary", "").replace(",", " ").split()),
        only_binary=tuple(settings.get("only-binary", "").replace(",", " ").split()),
        trusted_hosts=words("trusted-host"),
        certificates=settings.get("cert") or None,
        choice=(f"--exclude-newer={date}",) if date else (),
    )
