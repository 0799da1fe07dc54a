"""From samples to figures: medians, quartiles, and what to leave out because strangers used the machine."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

# A sample is disturbed where strangers used more than this share of one core while it was taken.
DISTURBED = 0.15
# With fewer quiet rounds than this, disturbed ones count too, and the figure says so.
ENOUGH = 3


@dataclass(frozen=True)
class Figure:
    """A median with its quartiles."""

    median: float
    low: float
    high: float
    # Whether it rests on disturbed samples.
    noisy: bool = False

    def map(self, change: Callable[[float], float]) -> "Figure":
        """The same in another unit; `change` must not turn the order around."""
        return Figure(change(self.median), change(self.low), change(self.high), self.noisy)

    def text(self, digits: int = 2) -> str:
        """`0.91 [0.88–0.95]`, with a ~ before what is noisy."""
        low, middle, high = (f"{value:,.{digits}f}" for value in (self.low, self.median, self.high))
        return f"{'~' if self.noisy else ''}{middle} [{low}–{high}]"


def of(samples: Iterable[dict], key: Callable[[dict], float]) -> Figure:
    """The figure of one value of each sample."""
    return summed_up([((sample,), key(sample)) for sample in samples])


def of_pairs(ours: list[dict], theirs: list[dict], compare: Callable[[dict, dict], float]) -> Figure:
    """The figure of a comparison made within each round: what slows a whole round down falls out of it."""
    return summed_up([((own, other), compare(own, other)) for own, other in zip(ours, theirs, strict=True)])


def ratio(key: str) -> Callable[[dict, dict], float]:
    """How many times theirs ours is."""
    return lambda ours, theirs: ours[key] / theirs[key] if theirs[key] else float("nan")


def summed_up(values: list[tuple[tuple[dict, ...], float]]) -> Figure:
    """Median and quartiles of the quiet values, if there are enough of them, else of all."""
    if not values:
        raise ValueError("nothing was measured")
    quiet = [value for samples, value in values if all(sample["foreign"] <= DISTURBED for sample in samples)]
    enough = len(quiet) >= min(ENOUGH, len(values))
    low, median, high = quartiles(quiet if enough else [value for _, value in values])
    return Figure(median, low, high, noisy=not enough)


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """The three values that cut the sorted ones into four; of a single one, that one three times."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high
