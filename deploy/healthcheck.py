"""Exit with status 0 if the process of this container answers. Needs the standard library only.

Usage: healthcheck.py [PATH [VARIABLE ...]]. Asks PATH at the port that the first of the VARIABLEs holds which is set to
a number. Without arguments that is /readyz at the port that the web process listens on.
"""

from __future__ import annotations

import os
import sys
from urllib.request import urlopen

DEFAULT_PORT = "8080"


def main(path: str = "/readyz", *variables: str) -> None:
    """Ask for the path; exit with status 1 if the process does not answer, or answers with an error."""
    values = [os.environ.get(name, "") for name in variables or ("GRANIAN_PORT", "SCHEDULER_PORT")]
    port = next((value for value in values if value.isdigit()), DEFAULT_PORT)
    try:
        urlopen(f"http://127.0.0.1:{port}{path}", timeout=4).close()  # always http
    except OSError as error:
        sys.exit(f"port {port} does not answer: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
