"""How much two texts have to do with each other: the cosine of their vectors, from one of two sources.

*Lexical*, the default: hashed character n-grams within words, so that "fish" and "fishing" are related, in any
language, without weights to download or anybody to ask. *Embedded*: the vectors of a model, whose requests are calls.
"""

from collections.abc import Sequence
from functools import cache
from math import sqrt
from typing import TYPE_CHECKING, Any, Protocol

from app.commons.config import SamplingConfig
from app.models.base import CallKey, Model, ModelError
from app.models.embeddings import read_vectors, request_for

if TYPE_CHECKING:
    import numpy as np

FEATURES = 2**16


class Vector(Protocol):
    """The vector of a text, comparable with others of the same source."""

    def cosines(self, others: Sequence[Any]) -> list[float]:
        """Return the cosine between this vector and each of *others*."""
        ...


class Relevance(Protocol):
    """Where vectors come from."""

    async def vectors(self, texts: Sequence[str], key: CallKey) -> Sequence[Vector]:
        """Return the vector of each text; *key* names the request, if one is made."""
        ...


class Lexical:
    """Vectors made here; no model is asked."""

    async def vectors(self, texts: Sequence[str], key: CallKey) -> "Sequence[SparseVector]":
        """Return the vector of each text."""
        return vectorise(texts)


class Embedded:
    """Vectors of an embedding model, one request for all texts together."""

    def __init__(self, model: Model) -> None:
        self._model = model

    async def vectors(self, texts: Sequence[str], key: CallKey) -> "Sequence[DenseVector]":
        """Return the vector of each text.

        Raises:
            ModelError: if the model cannot be reached.
        """
        completion = await self._model.complete(request_for(texts), SamplingConfig(), key)
        vectors = [DenseVector(vector) for vector in read_vectors(completion.text)]
        if len(vectors) != len(texts):
            raise ModelError(f"The call '{key}' holds {len(vectors)} vectors for {len(texts)} texts.")
        return vectors


class SparseVector:
    """A sparse vector of length 1, or of length 0 for a text without words."""

    __slots__ = ("_indices", "_values")

    def __init__(self, indices: "np.ndarray", values: "np.ndarray") -> None:
        self._indices = indices
        self._values = values

    def cosines(self, others: "Sequence[SparseVector]") -> list[float]:
        """Return the cosine between this vector and each of *others*."""
        import numpy as np

        dense = np.zeros(FEATURES)
        dense[self._indices] = self._values
        return [float(dense.take(other._indices).dot(other._values)) for other in others]


class DenseVector:
    """A vector of whole numbers, so that its cosines are the same to the last bit on every machine."""

    __slots__ = ("_length", "_values")

    def __init__(self, values: bytes) -> None:
        import numpy as np

        self._values = np.frombuffer(values, dtype=np.int8).astype(np.int64)
        self._length = sqrt(int(self._values @ self._values))

    def cosines(self, others: "Sequence[DenseVector]") -> list[float]:
        """Return the cosine between this vector and each of *others*; 0 with a vector of zeros."""
        return [
            int(self._values @ other._values) / lengths if (lengths := self._length * other._length) else 0.0
            for other in others
        ]


def vectorise(texts: Sequence[str]) -> list[SparseVector]:
    """Return the lexical vector of each text: how often each n-gram occurs, brought to length 1."""
    import numpy as np

    n_grams, hasher = _n_grams_and_hasher()
    rows = hasher.transform([n_grams(text) for text in texts])
    vectors = []
    for start, end in zip(rows.indptr[:-1], rows.indptr[1:], strict=True):
        counts = rows.data[start:end]
        length = sqrt(counts.dot(counts)) or 1.0
        vectors.append(SparseVector(rows.indices[start:end].astype(np.intp), counts / length))
    return vectors


def warm_up() -> None:
    """Import what retrieval needs, which takes about a second, before an episode is waiting for it."""
    vectorise(["ready"])


@cache
def _n_grams_and_hasher() -> Any:
    """Return the two halves of a HashingVectorizer; as a whole it spends more on checks than on a short text."""
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.feature_extraction.text import CountVectorizer

    n_grams = CountVectorizer(analyzer="char_wb", ngram_range=(3, 5)).build_analyzer()
    return n_grams, FeatureHasher(n_features=FEATURES, input_type="string", alternate_sign=False)
