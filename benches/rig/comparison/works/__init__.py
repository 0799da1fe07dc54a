"""What is measured. Each work takes samples, and makes rows of them later; the samples are what is kept."""

from comparison.works import bulk, growth, held, latency, overload, saturation, standing

WORKS = {
    "poll": saturation.POLL,
    "other": saturation.OTHER,
    "poll-two-cores": saturation.POLL_TWO_CORES,
    "create": saturation.CREATE,
    "reject": saturation.REJECT,
    "latency": latency,
    "bulk": bulk,
    "idle": held.IDLE,
    "slow": held.SLOW,
    "standing": standing,
    "growth": growth,
    "overload": overload,
}
