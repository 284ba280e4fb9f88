"""Entry point of ``longshore``: parse, run one command, turn every error into one sentence and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from store.errors import LongshoreError
from tui.cli import output, parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    output.prepare()
    options = parser.build().parse_args(arguments)
    module, _, function = options.command.partition(":")
    try:
        code: int = getattr(import_module(module), function)(options)
        sys.stdout.flush()
        return code
    except LongshoreError as error:
        for sentence in getattr(error, "sentences", (error.sentence,)):
            output.complain(sentence)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Python flushes stdout once more at exit: that must not fail as well.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception:
        for line in traceback.format_exc().splitlines():
            output.say(line)
        output.complain("this is a fault in Longshore itself: please report it with the lines above.")
        return 70


if __name__ == "__main__":
    raise SystemExit(main())
