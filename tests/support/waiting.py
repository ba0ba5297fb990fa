"""Operations that make the host wait for a GPU."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# the host reads a value or writes one, or the size of the result depends on values
WAITING = {
    "_local_scalar_dense",  # item(), bool() and the like
    "_unique2",
    "bincount",
    "equal",
    "is_nonzero",
    "lift_fresh",  # torch.tensor(numbers)
    "masked_select",
    "nonzero",
    "repeat_interleave",
    "unique_consecutive",
    "unique_dim",
}


class Listening(TorchDispatchMode):
    """Notes the operations that would wait for a GPU."""

    def __init__(self):
        super().__init__()
        self.heard = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.__name__.split(".")[0]
        by_mask = name in ("index", "index_put", "index_put_", "_index_put_impl_") and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        if name in WAITING or by_mask:
            self.heard.add(name)
        return function(*args, **(kwargs or {}))
