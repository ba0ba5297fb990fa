"""The process of one implementation. It reads work from standard input and prints results, as lines of JSON."""

from __future__ import annotations

import argparse
import json
import sys
import warnings

warnings.filterwarnings("ignore", category=DeprecationWarning)  # importing torch-geometric warns

from benchmark.datasets import data_root  # noqa: E402
from speed import decoder, features, graphs, growth, steps, studies  # noqa: E402
from speed.place import Place  # noqa: E402

WAYS = {**decoder.WAYS, **graphs.WAYS, **features.WAYS, **growth.WAYS, **steps.WAYS, **studies.WAYS}


def main() -> None:
    """Do the work of standard input until it ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=sorted(WAYS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--data-root")
    options = parser.parse_args()
    at = Place(options.device, data_root(options.data_root))
    at.ready()
    print("{}", flush=True)
    for line in sys.stdin:
        print(json.dumps(WAYS[options.way](at, **json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
