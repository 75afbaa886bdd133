"""A linear map, laid out in memory so that few rows at a time are fast.

Decoding multiplies one row, checking a draft multiplies a few. On a CPU the plain product of a few rows costs nearly as
much a row as that of one (measured: 5 rows against 768 x 256 weights take 2.6 times one row, with the layout of oneDNN
1.0 times; docs/local-engine.md). So on a CPU weights are put in oneDNN's own layout, which is also the faster one for a
single row: weights come from memory then, and from the processor's cache only in loops that do nothing else.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

# How many rows the layout is chosen for; any number can be multiplied.
ROWS = 8


class Linear:
    """x -> x W' (+ bias), for x of shape (rows, inputs) and W of shape (outputs, inputs)."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._bias = bias
        self._packed = _packed(weight)
        self._plain = weight if self._packed is None else None

    def __call__(self, x: Tensor) -> Tensor:
        """Return (rows, outputs)."""
        if self._packed is None:
            return F.linear(x, self._plain, self._bias)
        return _multiply(x, self._packed, self._bias)


def _packed(weight: Tensor) -> Tensor | None:
    """Return *weight* in oneDNN's layout; None where this build or device has none."""
    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return None
    pack: Callable[..., Tensor] | None = getattr(torch.ops.mkldnn, "_reorder_linear_weight", None)
    if pack is None or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return None
    try:
        packed = pack(weight.contiguous(), ROWS)
        _multiply(weight.new_zeros(2, weight.shape[1]), packed, None)
    except RuntimeError:  # a type that oneDNN cannot multiply on this processor
        return None
    return packed


def _multiply(x: Tensor, packed: Tensor, bias: Tensor | None) -> Tensor:
    # The operation that torch's own compiler uses for linear maps on CPUs; it has no public name.
    return torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")
