"""What clients ask, and what upstreams answer."""

from panels import GREEN, RED, YELLOW, graph, states
from queries import HERE, MODEL, UPSTREAM, quantile, rate

REQUESTS = [
    graph(
        "Requests by route",
        "Every request that was answered, by the kind of path it asked for.",
        (rate("route", "requests_total", MODEL), "{{route}}"),
        unit="reqps",
        stacked=True,
    ),
    graph(
        "Answers by status",
        "What clients got: the gateway's own answers and those of upstreams.",
        (rate("status", "requests_total", MODEL), "{{status}}"),
        unit="reqps",
        stacked=True,
    ),
    graph(
        "Creates by model",
        "Requests that name a configured model.",
        (rate("model, outcome", "requests_total", f'{MODEL},model!="unknown"'), "{{model}} {{outcome}}"),
        unit="reqps",
        stacked=True,
    ),
    graph(
        "Refused by the gateway itself",
        "No upstream was called. By the code in the answer and the field it is about.",
        (rate("code, param", "rejections_total"), "{{code}} {{param}}"),
        unit="reqps",
        stacked=True,
    ),
    graph(
        "Adjusted for the client",
        "Values moved to the nearest supported one; the client is told.",
        (rate("model, field", "adjustments_total", MODEL), "{{model}} {{field}}"),
        unit="reqps",
        stacked=True,
    ),
    graph(
        "Overhead by route",
        "What 99 % of requests stay below.",
        (quantile(0.99, "request_overhead_seconds", "route"), "{{route}}"),
        unit="s",
    ),
]

UPSTREAMS = [
    graph(
        "Attempts",
        "By kind of call: submit starts a generation, fetch reads.",
        (rate("upstream, kind", "upstream_attempts_total", UPSTREAM), "{{upstream}} {{kind}}"),
        unit="reqps",
        stacked=True,
    ),
    graph(
        "What came of them",
        "A status or its class, or why there was none.",
        (rate("upstream, result", "upstream_answers_total", UPSTREAM), "{{upstream}} {{result}}"),
        unit="reqps",
        stacked=True,
    ),
    graph(
        "Time to the answer's head",
        "What 95 % of attempts stay below.",
        (quantile(0.95, "upstream_attempt_duration_seconds", "upstream, kind", UPSTREAM), "{{upstream}} {{kind}}"),
        unit="s",
    ),
    states(
        "Breakers",
        "An upstream that keeps failing is left alone, and probed.",
        (f"max by (upstream) (reelgate_breaker_state{{{UPSTREAM}}})", "{{upstream}}"),
        words={0: ("closed", GREEN), 1: ("half-open", YELLOW), 2: ("open", RED)},
    ),
    graph(
        "Repeats",
        "Attempts beside a call's first, by what made them necessary; "
        "and calls that were not repeated since the retry budget was used up.",
        (rate("upstream, reason", "retries_total", UPSTREAM), "{{upstream}} {{reason}}"),
        (rate("upstream", "retry_budget_exhausted_total", UPSTREAM), "{{upstream}} budget used up"),
        unit="reqps",
        stacked=True,
    ),
    graph(
        "Worth a look",
        "In an hour. credential refused: ours, so nobody gets through. maybe twice: creates asked again that may "
        "have been accepted. orphaned: their clients left before the answer.",
        (
            f"sum by (upstream) (increase(reelgate_upstream_auth_failures_total{{{UPSTREAM}}}[1h]))",
            "{{upstream}} credential refused",
        ),
        (
            f"sum by (upstream) (increase(reelgate_possible_duplicates_total{{{UPSTREAM}}}[1h]))",
            "{{upstream}} maybe twice",
        ),
        (
            f"sum by (upstream) (increase(reelgate_downloads_resumed_total{{{UPSTREAM}}}[1h]))",
            "{{upstream}} downloads resumed",
        ),
        (f"sum(increase(reelgate_orphaned_jobs_total{{{HERE}}}[1h]))", "orphaned"),
    ),
]
