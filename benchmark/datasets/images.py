"""Images in the idx format of MNIST."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.base import DatasetSpec, PublishedFile, Raw
from benchmark.errors import InputError

_GZIP = b"\x1f\x8b"
_UNSIGNED_BYTES = 0x08


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of unsigned bytes in an idx file, gzipped or plain; InputError where it is not one, or is cut off.

    The format: two zero bytes, the type's code, the number of dimensions, each size in four big-endian bytes, values.
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


def _mnist_file(name: str, sha256: str, size: int) -> PublishedFile:
    return PublishedFile(
        path=f"MNIST/raw/{name}", url=f"https://github.com/fgnt/mnist/raw/master/{name}", sha256=sha256, bytes=size
    )


_IMAGES = _mnist_file(
    "t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877
)
_LABELS = _mnist_file(
    "t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542
)


def _load_mnist_test(root: Path) -> Raw:
    images = read_idx(root / _IMAGES.path)
    return Raw(x=images.reshape(len(images), -1) / np.float32(255), y=read_idx(root / _LABELS.path))


MNIST_TEST = DatasetSpec(
    name="mnist-test",
    load=_load_mnist_test,
    scaling="none",  # grey levels divided by 255
    family="image",
    source="https://github.com/fgnt/mnist (a mirror of the published files)",
    licence="none stated by the authors; CC BY-SA 3.0 according to Keras",
    citation="LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition, "
    "Proc. IEEE 86",
    rows=10_000,
    features=784,
    classes=10,
    files=(_IMAGES, _LABELS),
    image_shape=(28, 28),
)
