"""Files in the idx format of MNIST."""

import gzip

import numpy as np
import pytest

from benchmark.core.errors import InputError
from benchmark.datasets.sources.images import read_idx


def idx(*sizes, kind=8):
    values = np.arange(np.prod(sizes), dtype=np.uint8)
    return bytes((0, 0, kind, len(sizes))) + b"".join(size.to_bytes(4, "big") for size in sizes) + values.tobytes()


@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["gz", "plain"])
def test_idx_files(pack, tmp_path):
    path = tmp_path / "images"
    path.write_bytes(pack(idx(2, 3, 4)))
    np.testing.assert_array_equal(read_idx(path), np.arange(24).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"starts with , expected 00 00 08"),
        (b"PNG\x00", "starts with 50 4e 47 00, expected 00 00 08"),
        (idx(2, 3, kind=13), "starts with 00 00 0d 02"),
        (idx(2, 3)[:9], "its header is cut off at 9 bytes, expected 12"),
        (idx(2, 3)[:-1], r"holds 5 values, expected 6 for the shape \(2, 3\)"),
        (idx(2, 3) + b"\0", "holds 7 values, expected 6"),
        (idx(0)[:4] + b"\xff" * 4, "holds 0 values, expected 4294967295"),
        (gzip.compress(idx(200, 3), mtime=0)[:-20], "cannot be unpacked, it is cut off or damaged"),
        (gzip.compress(idx(200, 3), mtime=0)[:20] + bytes(40), "cannot be unpacked"),
    ],
)
def test_a_bad_idx_file_is_refused(content, message, tmp_path):
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"idx file .*images: {message}"):
        read_idx(path)
