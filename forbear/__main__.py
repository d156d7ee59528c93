"""The launcher: makes the top-level packages importable for this process alone, then runs the command line.

In a checkout they lie beside `forbear/`; an installation has them in `forbear/_app/`, so that generic names such as
`config` and `web` are nobody else's business.
"""

import sys
from pathlib import Path


def main() -> None:
    """Run the command line with this process's arguments."""
    package = Path(__file__).resolve().parent
    installed = package / "_app"
    sys.path.insert(0, str(installed if installed.is_dir() else package.parent))
    from forbear.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
