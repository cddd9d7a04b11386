"""The command `anonymizer`: quick answers first, and the command line for the rest."""

from __future__ import annotations

import sys

from anonymizer import quick


def main() -> None:
    """Run the command line, and import it only where no quick answer will do."""
    code = quick.answer(sys.argv[1:])
    if code is not None:
        sys.exit(code)
    from anonymizer.command_line import run  # noqa: PLC0415 - imports take a second

    run()


if __name__ == "__main__":
    main()
