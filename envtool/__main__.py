"""`python -m envtool`, for places where the entry point is not on PATH."""

from envtool.cli.main import main

if __name__ == "__main__":
    main()
