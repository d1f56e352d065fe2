"""Real environments of every CPython from 3.6 to 3.13, each with the pip that comes with it.

envtool itself needs Python 3.11, but the environments that it looks after are the vendor's: Python 3.8 for torch 1, and
3.10 for torch 2. Their pips write different records, and old ones resolve differently, so each of them is tried.

Run them all:            pytest tests/interpreters -m interpreters
Run one:                 pytest tests/interpreters -k python3.8
The service's own:       make test-service   (downloads 0.8 GB once, and takes 5 GB more while it runs)

Interpreters are looked for in HAC_TEST_PYTHONS (paths, separated by colons), on PATH and in pyenv's folder. One that is
not found is skipped, unless HAC_REQUIRE_PYTHONS names it ("3.6,3.8"): then its tests fail.
"""
