"""The losses of the presets on a file of names: `make losses NAMES=path`, a Markdown table.

Published figures are on the lecture's own names.txt, which is not part of this project.
"""

import argparse
import time
from collections.abc import Iterator

from makemore_tui.core import Dataset, Session
from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import PRESETS, Preset

_HEADER = ("preset", "seed", "dev", "test", "network alone, dev", "test", "seconds")


def main(arguments: list[str] | None = None) -> None:
    """Train the presets and print the losses of each, in nats a character, as it is done."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.losses", description=__doc__)
    parser.add_argument("names", nargs="?", default="names", help="a file, or a built-in dataset")
    parser.add_argument("--seeds", type=int, default=1, help="how many, from 1 (default: 1)")
    parser.add_argument("--only", action="append", choices=PRESETS, help="a preset; repeatable")
    options = parser.parse_args(arguments)
    try:
        dataset = Dataset.load(options.names)
    except UserError as error:
        parser.error(str(error))
    print(_line(_HEADER), _line(["---"] * len(_HEADER)), sep="\n", flush=True)
    for name in options.only or PRESETS:
        for row in _rows(dataset, PRESETS[name], options.seeds):
            print(_line(row), flush=True)


def _rows(dataset: Dataset, preset: Preset, seeds: int) -> Iterator[list[str]]:
    """A row for each seed, or one where nothing is drawn."""
    for seed in range(1, 1 + (seeds if preset.model.model_kind.is_network else 1)):
        session = Session(dataset, preset.model, preset.train, seed)
        start = time.perf_counter()
        session.train(preset.train.steps)
        seconds = time.perf_counter() - start
        found = [session.evaluate(split) for split in ("dev", "test")]
        alone = [f"{one.network.loss:.4f}" if one.parts else "" for one in found]
        losses = [f"{one.loss:.4f}" for one in found]
        yield [f"`{preset.name}`", f"{seed}", *losses, *alone, f"{seconds:.1f}"]


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)  # as the program does
    main()
