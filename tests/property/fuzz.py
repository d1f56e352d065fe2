"""`make fuzz`: every parser on mutations of its corpus and on any values, for so many seconds in all.

What makes a parser fail is printed, and kept in `.hypothesis`, where the next run begins. A text that is worth keeping
for good goes into the parser's folder of `tests/property/corpus`, which the tests read.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.property.parsers import PARSERS, list_corpus, parse

SECONDS = 600.0
# Examples of a round; rounds are repeated until a parser's time is up.
_ROUND = 100
_DATABASE = DirectoryBasedExampleDatabase(".hypothesis/fuzz")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=30,
)
json_texts = json_values.map(lambda value: json.dumps(value).encode())
parts = st.binary(max_size=60) | st.text(max_size=40).map(str.encode) | json_texts


@st.composite
def mutations(draw: st.DrawFn, texts: list[bytes]) -> bytes:
    """One of the texts with some of its parts replaced, doubled, moved or taken out."""
    data = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 80)))
        part = draw(parts | st.just(data[start:end] * 2) | st.just(b""))
        data = data[:start] + part + data[end:]
    return data


def make_round(name: str) -> Callable[[], None]:
    """A round of examples for a parser."""
    texts = list_corpus(name)

    @settings(
        max_examples=_ROUND,
        deadline=None,
        database=_DATABASE,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.reuse, Phase.generate, Phase.target, Phase.shrink],
    )
    @given(data=mutations(texts) | st.binary(max_size=2000) | json_texts)
    def run(data: bytes) -> None:
        parse(name, data)

    return run


def main(seconds: float) -> int:
    """Fuzz every parser for its share of the time; return how many failed."""
    failed = 0
    for name in PARSERS:
        run, rounds, end = make_round(name), 0, time.monotonic() + seconds / len(PARSERS)
        problem = ""
        while not problem and (rounds == 0 or time.monotonic() < end):
            rounds += 1
            try:
                run()
            except Exception:  # whatever a parser must not raise
                problem = traceback.format_exc()
        print(f"{'FAIL' if problem else 'pass'}  {name:<16} {rounds * _ROUND} examples", flush=True)
        if problem:
            failed += 1
            print(problem, flush=True)
    print(f"{len(PARSERS) - failed} of {len(PARSERS)} parsers stand")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS) else 0)
