"""``make demo``: plays acts, each of which shows one thing that the service does and checks it with other tools."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from types import FrameType

from examples.demo import processes
from examples.demo.acts import ACTS, load
from examples.demo.client import Refused
from examples.demo.show import console
from examples.demo.stage import Stage

MAIN = next(iter(ACTS))


def main() -> int:
    """0 if everything agreed in every act that was played; 1 otherwise, and if interrupted before the end."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--act", choices=(*ACTS, "all"), default=MAIN, help="which one to play")
    parser.add_argument("--once", action="store_true", help="exit when the act is over")
    options = parser.parse_args()
    chosen = tuple(ACTS) if options.act == "all" else (options.act,)
    signal.signal(signal.SIGTERM, _interrupt)
    processes.FOLDER.mkdir(parents=True, exist_ok=True)
    agreed = False
    with ExitStack() as stack:
        try:
            stage = Stage(stack)
            agreed = _play(stage, chosen)
            if agreed and not options.once:
                _stay(stage)
        except (Refused, processes.ServerDied) as error:
            console.print(f"[red]✗[/] {error}", soft_wrap=True)
        except KeyboardInterrupt:
            console.print("\nstopping")
    return 0 if agreed else 1


def _play(stage: Stage, chosen: Sequence[str]) -> bool:
    """Play acts in order until one does not agree; whether all did."""
    for name in chosen:
        act = load(name)
        if chosen != (MAIN,):
            console.rule(f"[bold]{name}[/]: {ACTS[name]}", align="left")
        if not act.play(stage):
            console.print(f"[red]✗[/] {name}: not everything agreed")
            return False
    others = [name for name in ACTS if name not in chosen]
    if others:
        console.print("There are other acts: make demo ACT=name, ACT=all for all of them.")
        for name in others:
            console.print(f"   [bold]{name:<9}[/] {ACTS[name]}", soft_wrap=True)
        console.print()
    return True


def _stay(stage: Stage) -> None:
    """Say what there is to look at, and keep the processes up until Ctrl-C."""
    for hint in stage.hints:
        console.print(hint, soft_wrap=True)
    console.print("\nCtrl-C stops it.")
    while True:
        time.sleep(3600)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
