"""The grammar of the shell, as far as envtool leans on it."""

from __future__ import annotations

from envtool.shell_grammar import find_nodes, node_text, parse_shell


def test_commands_are_found_wherever_they_stand() -> None:
    text = "set -e\nif ! a x; then (b && c) | d; fi\nfor i in 1 2; do e $(f) <<EOF\ng $(h)\nEOF\ndone\n"
    names = [node_text(node) for node in find_nodes(parse_shell(text), "command_name")]
    assert names == ["set", "a", "b", "c", "d", "e", "f", "h"]


def test_any_text_has_a_tree_and_says_where_it_is_no_shell() -> None:
    assert not parse_shell("echo 'ü' \"$A\" # note\n").has_error
    assert parse_shell("if then ((").has_error
    deep = parse_shell("(" * 5000 + "a" + ")" * 5000)
    assert list(find_nodes(deep, "no such type")) == []
    assert node_text(parse_shell("echo \udcff")) == "echo \udcff"
