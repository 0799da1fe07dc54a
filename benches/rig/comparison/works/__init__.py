"""What is measured. Each work takes samples, and makes rows of them later; the samples are what is kept."""

from typing import Protocol

from comparison.bench import Plan, Sample
from comparison.rows import Row
from comparison.works import bulk, growth, held, latency, overload, saturation, standing


class Work(Protocol):
    """A module or an object that takes samples and makes rows of them."""

    def measure(self, plan: Plan) -> dict[str, list[Sample]]:
        """Samples by what they are of. Fails where a program does not do as expected."""

    def rows(self, samples: dict[str, list[Sample]]) -> list[Row]:
        """Figures, and verdicts where there is a target."""


WORKS: dict[str, Work] = {
    "poll": saturation.POLL,
    "other": saturation.OTHER,
    "poll-two-cores": saturation.POLL_TWO_CORES,
    "create": saturation.CREATE,
    "create-varied": saturation.CREATE_VARIED,
    "reject": saturation.REJECT,
    "latency": latency,
    "bulk": bulk,
    "idle": held.IDLE,
    "slow": held.SLOW,
    "standing": standing,
    "growth": growth,
    "overload": overload,
}
