"""``python -m tests.faultfs SOURCE MOUNTPOINT --control FILE``: serve until unmounted, in the foreground."""

from __future__ import annotations

import argparse
import gc
import os
from pathlib import Path

import mfusepy  # type: ignore[import-untyped]

from tests.faultfs.faults import Gate
from tests.faultfs.passthrough import Passthrough


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("mountpoint")
    parser.add_argument("--control", type=Path, required=True)
    parser.add_argument("--name", default="faultfs", help="what it is mounted from, as the mount table has it")
    options = parser.parse_args()
    os.umask(0)
    gc.freeze()
    mfusepy.FUSE(
        Passthrough(os.path.realpath(options.source), Gate(options.control.resolve())),
        options.mountpoint,
        foreground=True,
        fsname=options.name,
        allow_other=os.geteuid() == 0,
        # The kernel asks for permissions, and remembers nothing: every look is an operation that can fail.
        default_permissions=True,
        attr_timeout=0,
        entry_timeout=0,
        negative_timeout=0,
        direct_io=True,
        use_ino=True,
        # An open file that is unlinked is gone, as elsewhere, and leaves no ".fuse_hidden" name.
        hard_remove=True,
    )


if __name__ == "__main__":
    main()
