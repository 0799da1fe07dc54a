"""How the dashboard asks Prometheus, filtered by the variables on top of it."""

HERE = 'instance=~"$instance"'
MODEL = f'{HERE},model=~"$model"'
UPSTREAM = f'{HERE},upstream=~"$upstream"'
PROCESS = f'job="reelgate",{HERE}'


def rate(by, metric, labels=HERE):
    """What a counter gains in a second."""
    return f"sum by ({by}) (rate(reelgate_{metric}{{{labels}}}[$__rate_interval]))"


def quantile(share, metric, by="", labels=HERE, over="$__rate_interval"):
    """What that share of a histogram's observations stayed below."""
    by = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({by}) (rate(reelgate_{metric}_bucket{{{labels}}}[{over}])))"


def quantiles(metric):
    """The middle of a histogram, and its far end."""
    return [(quantile(share, metric), name) for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))]


def share_of_fault(fault):
    """The share of requests that failed by this fault; 0, not nothing, where none did."""
    total = rate("job", "requests_total")
    failed = rate("job", "requests_total", f'{HERE},fault="{fault}"')
    return f"({failed} or 0 * {total}) / {total}"
