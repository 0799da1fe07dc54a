"""Limits, jobs, money and the ledger."""

from panels import RED, YELLOW, bars, graph
from queries import HERE, MODEL, quantile, rate

LIMITS = [
    graph(
        "Job slots",
        "Held, and how many there are.",
        (f"sum by (scope, name) (reelgate_slots_in_use{{{HERE}}})", "{{scope}} {{name}} held"),
        (f"sum by (scope, name) (reelgate_slots_limit{{{HERE}}})", "{{scope}} {{name}} limit"),
    ),
    graph(
        "Creates waiting for a slot",
        "Until one comes free, or jobs_wait is over.",
        (f"sum by (scope, name) (reelgate_slots_waiting{{{HERE}}})", "{{scope}} {{name}}"),
        stacked=True,
    ),
    graph(
        "Calls held up by a limit",
        "Passed after a wait, or refused.",
        (rate("scope, result", "quota_waits_total"), "{{scope}} {{result}}"),
        unit="reqps",
        stacked=True,
    ),
    graph(
        "Time in line",
        "What 95 % of those that wait stay below.",
        (quantile(0.95, "quota_wait_seconds", "scope"), "{{scope}}"),
        unit="s",
    ),
    graph(
        "Spool",
        "Of large files until they were sent, and how much it may hold.",
        (f"sum by (instance) (reelgate_spool_in_use_bytes{{{HERE}}})", "{{instance}}"),
        (f"sum by (instance) (reelgate_spool_limit_bytes{{{HERE}}})", "{{instance}} limit"),
        unit="bytes",
    ),
    bars(
        "Budgets",
        "Used share of each key's budget: of its windows and units, the one used most.",
        (f"max by (key) (reelgate_budget_used_ratio{{{HERE}}})", "{{key}}"),
        unit="percentunit",
        limits=[(0.8, YELLOW), (1, RED)],
        max=1,
    ),
    graph(
        "Under way",
        "Requests without an answer, and open connections of clients.",
        (f"sum(reelgate_requests_in_flight{{{HERE}}})", "requests"),
        (f"sum(reelgate_connections{{{HERE}}})", "connections"),
    ),
]

JOBS = [
    graph(
        "Jobs by state",
        "Taken by an upstream, and seen to end.",
        (rate("state", "jobs_total", MODEL), "{{state}}"),
        unit="ops",
    ),
    graph(
        "How long jobs take",
        "From create to the end that was seen, over an hour.",
        (quantile(0.5, "job_duration_seconds", "model", f'{MODEL},state="completed"', "1h"), "{{model}} p50"),
        (quantile(0.95, "job_duration_seconds", "model", f'{MODEL},state="completed"', "1h"), "{{model}} p95"),
        unit="s",
    ),
    graph(
        "Jobs that fail",
        "Share of the jobs that ended within an hour.",
        (
            f'sum by (model) (increase(reelgate_jobs_total{{{MODEL},state="failed"}}[1h]))'
            f' / sum by (model) (increase(reelgate_jobs_total{{{MODEL},state=~"completed|failed"}}[1h]))',
            "{{model}}",
        ),
        unit="percentunit",
        limits=[(0.25, RED)],
    ),
    graph(
        "Money an hour",
        "Asked for and made, in the currency of price_per_second.",
        (f"sum by (model, stage) (increase(reelgate_video_cost_total{{{MODEL}}}[1h]))", "{{model}} {{stage}}"),
        decimals=2,
    ),
    graph(
        "Video an hour",
        "Asked for and made.",
        (f"sum by (model, stage) (increase(reelgate_video_seconds_total{{{MODEL}}}[1h]))", "{{model}} {{stage}}"),
        unit="s",
    ),
    graph(
        "Replayed",
        "Repeats of paid calls that got the first try's answer: each would have been paid for twice.",
        (f"sum(increase(reelgate_replays_total{{{HERE}}}[1h]))", "replays an hour"),
    ),
]

LEDGER = [
    graph(
        "Operations",
        "What is asked of the ledger's store.",
        (rate("operation", "ledger_operations_total"), "{{operation}}"),
        unit="ops",
        stacked=True,
    ),
    graph(
        "Failures",
        "While there are any, paid calls are refused.",
        (rate("operation, result", "ledger_operations_total", f'{HERE},result!="ok"'), "{{operation}} {{result}}"),
        unit="ops",
    ),
    graph(
        "Open calls",
        "Paid calls that have no outcome yet.",
        (f"sum by (instance) (reelgate_ledger_open{{{HERE}}})", "{{instance}}"),
    ),
]
