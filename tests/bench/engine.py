"""Measure the copy engine beside rsync, cp, rclone and tar: what issue 3 asks, and what was reached.

    python tests/bench/engine.py --dir /var/tmp --loop ext4 24G
    python tests/bench/engine.py --dir /var/tmp --loop xfs 24G --only small
    python tests/bench/engine.py --dir /var/tmp --tmpfs --only small,large
    python tests/bench/engine.py --dir /var/tmp --only unchanged,start --rounds 3 --scale 0.1 --peers rsync
    python tests/bench/engine.py --dir /var/tmp --loop ext4 8G --profile

How to read it. All columns are medians over the rounds, in seconds. "placed" is when every file was in its
place, "end" when the program ended, "synced" when all of it was on the storage too. A run of ours ends with
``syncfs``, so its end is its "synced", and "placed" is earlier; the peers end when they are placed and leave
the storage to the kernel: theirs is synced by a ``sync -f`` that is timed after them. "cpu" is user and system
time of a program and its children; what the kernel's own threads write back is nobody's. Then, for each peer,
what the issue asks, and how many times as fast we are: by the ends of both (the strictest, it charges us alone
for ``syncfs``), with the files in place, and with all on the storage. ``<`` marks what is below the asked.

Each round gives every competitor one turn, in an order that changes; machines are shared, so quote ratios, not
seconds. The source is in the page cache. Trees are built once for a case, and every turn that fills an empty
target has a new one on the source's file system. Prefer ``--loop`` (as root): an ext4 that had many files
deleted is slower for minutes, since the inodes that were just freed are avoided; a file system of its own for
each case has no history, and is mounted anew for each round of full copies. The image is made in ``--dir``.

Where the time goes (2026-11-22, 2 shared cores, strace -c and cProfile by ``--profile``). A new file of 4 KiB costs
fourteen system calls: two opens, two closes, two fstats, flistxattr, copy_file_range, utimensat, renameat, and two
getppid and a clock for the lease; an fadvise more where the source is slow. The same calls in a bare loop of Python
take 18 us of processor time, and the engine 21 (tmpfs) to 40 (ext4, of which the creation of the file is two thirds,
most of all on a disk where many files were deleted minutes ago). A file that is alike costs two stats (3.1 us in a bare
loop), two llistxattr (1.0) and about 1.5 of judging. A worker that has nothing to do takes 70 ms: a third is Python's
own start, a third our imports. ``cp -a`` needs 10 us for a new file, without a temporary name, a lease or a report.

Memory is the sum over the agent, its worker and all helpers (PSS: what they share is counted once; RSS: in
each of them), at its peak. ``--profile`` runs no case: it shows the system calls and the functions of one copy.
"""

from __future__ import annotations

import sys

sys.path.insert(0, __file__.rpartition("/tests/")[0])

import argparse
from collections.abc import Callable
from pathlib import Path

from tests.bench.cases import Bench, Competitor, again, large, mixed, small
from tests.bench.live import progress, start
from tests.bench.memory import memory
from tests.bench.ours import Longshore
from tests.bench.peers import PEERS
from tests.bench.places import MKFS, Loop, Place, Tmpfs
from tests.bench.profiling import profile
from tests.bench.report import say

AGAIN = ("unchanged", "changed", "mirror")
CASES: dict[str, Callable[[Bench], None]] = {
    "small": small,
    "large": large,
    "mixed": mixed,
    "start": start,
    "memory": memory,
    "progress": progress,
}
SIZES = {"M": 1024**2, "G": 1024**3}


def main() -> None:
    options = _parser().parse_args()
    place = _place(options)
    competitors: list[Competitor] = [Longshore(options.helpers), *(PEERS[name] for name in options.peers)]
    bench = Bench(place, options.rounds, options.scale, competitors, options.helpers)
    try:
        if options.profile:
            profile(bench)
            return
        say(f"{options.rounds} rounds, scale {options.scale:g}, {options.helpers} helpers")
        if wanted := [case for case in AGAIN if case in options.only]:
            again(bench, wanted)
        for name, case in CASES.items():
            if name in options.only:
                case(bench)
    finally:
        place.close()


def _place(options: argparse.Namespace) -> Place:
    if options.loop:
        kind, size = options.loop
        if kind not in MKFS:
            raise SystemExit(f"--loop makes {' or '.join(MKFS)}, not {kind}")
        return Loop(options.dir, kind, _size(size))
    return Tmpfs(options.dir) if options.tmpfs else Place(options.dir)


def _size(text: str) -> int:
    if text[-1:] not in SIZES or not text[:-1].isdecimal():
        raise SystemExit(f"a size is written as 500M or 24G, not {text}")
    return int(text[:-1]) * SIZES[text[-1]]


def _names(known: tuple[str, ...]) -> Callable[[str], list[str]]:
    def read(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"not among {', '.join(known)}: {', '.join(sorted(unknown))}")
        return names

    return read


def _parser() -> argparse.ArgumentParser:
    cases = (*AGAIN, *CASES)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, required=True, help="where to work")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--loop", nargs=2, metavar=("FS", "SIZE"), help="a new ext4 or xfs for each case (as root)")
    where.add_argument("--tmpfs", action="store_true", help="a tmpfs for each case (as root)")
    parser.add_argument("--only", type=_names(cases), default=cases, help=f"of {','.join(cases)}")
    parser.add_argument("--peers", type=_names(tuple(PEERS)), default=list(PEERS), help=f"of {','.join(PEERS)}")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the files or bytes (%(default)s)")
    parser.add_argument("--helpers", type=int, default=2, help="copying processes of a run of ours (%(default)s)")
    parser.add_argument("--profile", action="store_true", help="show where the time goes instead")
    return parser


if __name__ == "__main__":
    main()
