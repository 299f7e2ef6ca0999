"""The models that the server holds, shared read-only by all visitors, within a bound on memory.

A model is loaded on a thread of its own: visitors who ask for the same one wait for the same load, and one who goes
away stops nobody's. What was not looked at for the longest time goes first.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from llm_core import Transformer
from llm_core.support import memory

_Progress = Callable[[str, float], None]
Load = Callable[[_Progress], Transformer]


class Loading:
    """A model on its way. doing and share (0 to 1) say how far it is; model or error is there once it is done."""

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.doing, self.share = "waiting for another model to load", 0.0
        self.model: Transformer | None = None
        self.error: Exception | None = None
        self._done = threading.Event()

    def report(self, doing: str, share: float) -> None:
        self.doing, self.share = doing, min(max(share, 0.0), 1.0)

    def wait(self, seconds: float | None = None) -> bool:
        """True once it is done, at the latest after so many seconds."""
        return self._done.wait(seconds)

    def result(self) -> Transformer:
        """The model, once it is done. Raises what its loading raised."""
        self.wait()
        if self.model is None:
            raise self.error or RuntimeError("loading ended without a model")
        return self.model

    def run(self, load: Load, turn: threading.Lock) -> None:
        """Load in turn: two large models at once would each find memory free that the other takes."""
        try:
            with turn:
                self.report("looking for the weights", 0.0)
                self.model = load(self.report)
        except Exception as error:  # it is raised again where the result is asked for
            self.error = error
        finally:
            self._done.set()


class Library:
    """Models by key, at most `most` of them and `budget` bytes together; the one that came last always stays."""

    def __init__(self, most: int, budget: int, on_evict: Callable[[Transformer], None] = lambda model: None) -> None:
        self.most, self.budget, self._on_evict = most, budget, on_evict
        self._models: OrderedDict[Hashable, Transformer] = OrderedDict()
        self._sizes: dict[Hashable, int] = {}  # bytes of each
        self._loading: dict[Hashable, Loading] = {}
        self._lock, self._turn, self._making = threading.Lock(), threading.Lock(), threading.Lock()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._models

    def get(self, key: Hashable) -> Transformer | None:
        """The model, if it is held; it is now the one looked at last."""
        with self._lock:
            if key in self._models:
                self._models.move_to_end(key)
            return self._models.get(key)

    def now(self, key: Hashable, load: Load) -> Transformer:
        """The model, loaded here and now if it is not held: for what takes a moment. Raises what load raises.

        One at a time, so that many who ask for one at once make it once, and what they make stays within the budget.
        """
        model = self.get(key)
        if model is not None:
            return model
        with self._making:
            model = self.get(key)
            if model is None:
                model = load(lambda doing, share: None)
                self._keep(key, model)
            return model

    def start(self, key: Hashable, load: Load) -> Loading:
        """Begin to load the model, or join those who wait for it."""
        with self._lock:
            loading = self._loading.get(key)
            if loading is None:
                loading = self._loading[key] = Loading(key)
                threading.Thread(target=self._load, args=(loading, load), name="load a model", daemon=True).start()
            return loading

    def _load(self, loading: Loading, load: Load) -> None:
        def load_and_keep(progress: _Progress) -> Transformer:
            model = load(progress)
            self._keep(loading.key, model)  # before it is said to be there
            return model

        try:
            loading.run(load_and_keep, self._turn)
        finally:
            with self._lock:
                del self._loading[loading.key]

    def _keep(self, key: Hashable, model: Transformer) -> None:
        evicted = []
        with self._lock:
            self._models[key], self._sizes[key] = model, size(model)
            self._models.move_to_end(key)
            while len(self._models) > 1 and (len(self._models) > self.most or self._bytes() > self.budget):
                oldest, old = self._models.popitem(last=False)
                del self._sizes[oldest]
                evicted.append(old)
        for old in evicted:
            self._on_evict(old)

    def _bytes(self) -> int:
        return sum(self._sizes.values())


def size(model: Transformer) -> int:
    """The bytes of a model's weights."""
    return sum(p.numel() * p.element_size() for p in model.parameters())


def third_of_memory() -> int:
    """A third of the memory that there is, in bytes."""
    return memory.total() // 3
