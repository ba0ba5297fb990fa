"""Images in the idx format of MNIST."""

from __future__ import annotations

import gzip
import zlib
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import InputError
from benchmark.datasets.dataset import DatasetSpec, PublishedFile, Raw
from benchmark.datasets.files.pins import published

_GZIP = b"\x1f\x8b"
_UNSIGNED_BYTES = 0x08


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read the array of unsigned bytes in an idx file, gzipped or plain.

    The format is two zero bytes, the code of the type, the number of dimensions, each size in four big-endian bytes,
    and the values.

    Raises:
        InputError: if the file is cut off, damaged, or no idx file of unsigned bytes.
    """
    content = path.read_bytes()
    if content.startswith(_GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"idx file {path}: cannot be unpacked, it is cut off or damaged ({error})") from None
    if len(content) < 4 or content[:3] != bytes((0, 0, _UNSIGNED_BYTES)):
        raise InputError(f"idx file {path}: starts with {content[:4].hex(' ')}, expected 00 00 08 and the dimensions")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise InputError(f"idx file {path}: its header is cut off at {len(content)} bytes, expected {start}")
    shape = tuple(int(size) for size in np.frombuffer(content[4:start], dtype=">u4"))
    values = np.frombuffer(content, dtype=np.uint8, offset=start)
    expected = int(np.prod(shape, dtype=object))
    if len(values) != expected:
        raise InputError(f"idx file {path}: holds {len(values)} values, expected {expected} for the shape {shape}")
    return values.reshape(shape)


def _load(root: Path, *, files: tuple[PublishedFile, ...]) -> Raw:
    """Join the images of several files as rows of grey levels in [0, 1]. Each file of images precedes its labels."""
    images = np.concatenate([read_idx(root / file.path) for file in files[0::2]])
    labels = np.concatenate([read_idx(root / file.path) for file in files[1::2]])
    return Raw(x=images.reshape(len(images), -1) / np.float32(255), y=labels)


# Each has four files: 10,000 test images, test labels, 60,000 training images, training labels.
_MNIST = published("MNIST")
_FASHION = published("FashionMNIST")

_MNIST_SOURCE = "https://github.com/fgnt/mnist (a mirror of the published files)"
_MNIST_LICENCE = "none stated by the authors; CC BY-SA 3.0 according to Keras"
_LECUN = (
    "LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition, Proc. IEEE 86"
)

MNIST_TEST = DatasetSpec(
    name="mnist-test",
    load=partial(_load, files=_MNIST[:2]),
    scaling="none",  # grey levels divided by 255
    family="image",
    source=_MNIST_SOURCE,
    licence=_MNIST_LICENCE,
    citation=_LECUN,
    meaning="the 10,000 test images of mnist",
    rows=10_000,
    features=784,
    classes=10,
    files=_MNIST[:2],
    image_shape=(28, 28),
)

MNIST = DatasetSpec(
    name="mnist",
    load=partial(_load, files=_MNIST[2:] + _MNIST[:2]),
    scaling="none",
    family="image",
    source=_MNIST_SOURCE,
    licence=_MNIST_LICENCE,
    citation=_LECUN,
    meaning="images of handwritten digits, 28 × 28 pixels; a class is a digit",
    rows=70_000,
    features=784,
    classes=10,
    files=_MNIST[2:] + _MNIST[:2],
    image_shape=(28, 28),
)

FASHION_MNIST = DatasetSpec(
    name="fashion-mnist",
    load=partial(_load, files=_FASHION[2:] + _FASHION[:2]),
    scaling="none",
    family="image",
    source="https://github.com/zalandoresearch/fashion-mnist",
    licence="MIT",
    citation="Xiao, Rasul and Vollgraf (2017), Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning "
    "Algorithms, arXiv 1708.07747",
    meaning="images of clothes, 28 × 28 pixels; a class is a kind of clothing",
    rows=70_000,
    features=784,
    classes=10,
    files=_FASHION[2:] + _FASHION[:2],
    image_shape=(28, 28),
)
