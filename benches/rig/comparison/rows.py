"""One line of the table: what was measured, and whether that is as good as it should be."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """A figure beside its target. `met` is None where there is nothing to meet."""

    work: str
    what: str
    measured: str
    target: str = ""
    met: bool | None = None
    noisy: bool = False

    @property
    def verdict(self) -> str:
        """`met`, `not met`, or nothing."""
        return {True: "met", False: "not met", None: ""}[self.met]

    def saved(self) -> dict:
        """For JSON."""
        return asdict(self)


def at_least(work: str, what: str, figure, wanted: float, unit: str = "", digits: int = 2) -> Row:
    """A row whose median must not be lower."""
    target = f"≥ {wanted:,.{digits}f}{unit}"
    return Row(work, what, figure.text(digits) + unit, target, figure.median >= wanted, figure.noisy)


def at_most(work: str, what: str, figure, wanted: float, unit: str = "", digits: int = 2) -> Row:
    """A row whose median must not be higher."""
    target = f"≤ {wanted:,.{digits}f}{unit}"
    return Row(work, what, figure.text(digits) + unit, target, figure.median <= wanted, figure.noisy)


def about(work: str, what: str, figure, within: float) -> Row:
    """A row whose median must be 1, more or less."""
    met = 1 - within <= figure.median <= 1 + within
    return Row(work, what, figure.text(), f"1.00 ± {within:.2f}", met, figure.noisy)


def shown(work: str, what: str, figure, unit: str = "", digits: int = 2) -> Row:
    """A row without a target."""
    return Row(work, what, figure.text(digits) + unit, noisy=figure.noisy)
