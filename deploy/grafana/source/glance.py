"""The top row: is it well, and what does it do?"""

from panels import RED, YELLOW, graph, stat
from queries import HERE, MODEL, PROCESS, quantiles, rate, share_of_fault

GLANCE = [
    stat(
        "Instances up",
        "Gateways that answer Prometheus.",
        (f"sum(up{{{PROCESS}}})", "up"),
        (f"count(up{{{PROCESS}}})", "of"),
        width=2,
    ),
    stat(
        "Alerts",
        "Alerts that fire now.",
        ('count(ALERTS{alertname=~"Reelgate.+",alertstate="firing"}) or vector(0)', "firing"),
        width=2,
        limits=[(1, RED)],
    ),
    stat(
        "Requests", "Requests answered in a second.", (rate("job", "requests_total"), "requests"), unit="reqps", width=3
    ),
    stat(
        "Failing",
        "Share of requests that fail by an upstream's fault and by the gateway's own. "
        "What clients do wrong and what your limits refuse is not among them.",
        (share_of_fault("upstream"), "upstream"),
        (share_of_fault("gateway"), "gateway"),
        unit="percentunit",
        limits=[(0.01, YELLOW), (0.05, RED)],
        decimals=2,
    ),
    stat(
        "Time to answer",
        "From a request's head to its answer's head; with the upstream's share.",
        *quantiles("request_duration_seconds"),
        unit="s",
    ),
    stat(
        "Overhead",
        "What the gateway itself adds, the ledger's disk included.",
        *quantiles("request_overhead_seconds"),
        unit="s",
        limits=[(0.01, YELLOW), (0.1, RED)],
    ),
    stat(
        "Money, last hour",
        "Cost of the videos that were asked for within an hour, in the currency of price_per_second.",
        (f'sum(increase(reelgate_video_cost_total{{{MODEL},stage="requested"}}[1h]))', "money"),
        width=2,
        decimals=2,
    ),
    stat(
        "Video, last hour",
        "Length of the videos that were asked for within an hour.",
        (f'sum(increase(reelgate_video_seconds_total{{{MODEL},stage="requested"}}[1h]))', "video"),
        unit="s",
        width=2,
    ),
    stat(
        "Jobs running",
        "Jobs that were not seen to end yet, as far as each process knows.",
        (f"sum(reelgate_jobs_unfinished{{{HERE}}})", "jobs"),
        width=2,
    ),
    stat(
        "Slots used",
        "Share of job slots that are held, of the limit that is fullest.",
        (f"max(reelgate_slots_in_use{{{HERE}}} / (reelgate_slots_limit{{{HERE}}} > 0))", "slots"),
        unit="percentunit",
        width=2,
        limits=[(0.8, YELLOW), (1, RED)],
    ),
    graph(
        "Requests by whose fault they failed",
        "client: the request was wrong. policy: a limit, a budget or a key of yours. "
        "upstream: it failed or refused. gateway: its own.",
        (rate("fault", "requests_total"), "{{fault}}"),
        unit="reqps",
        stacked=True,
    ),
    graph(
        "Share of failing requests",
        "Upstream and gateway alone.",
        (share_of_fault("upstream"), "upstream"),
        (share_of_fault("gateway"), "gateway"),
        unit="percentunit",
        limits=[(0.05, RED)],
    ),
    graph(
        "Time to answer",
        "All routes together; creates take as long as the upstream does.",
        *quantiles("request_duration_seconds"),
        unit="s",
    ),
]
