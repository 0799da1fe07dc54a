"""The table, for people: in a terminal and between two marks of the README."""

from comparison.rows import Row

BEGIN, END = "<!-- table: benches/rig/run draw -->", "<!-- end of table -->"


def plain(rows: list[Row]) -> str:
    """For a terminal, in columns."""
    lines = [[row.what, row.measured, row.target, row.verdict] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(3)] if lines else []
    padded = [[*map(str.ljust, line, widths), line[3]] for line in lines]
    return "\n".join("  ".join(line).rstrip() for line in padded)


def markdown(rows: list[Row]) -> str:
    """For the README: what has a target, and beneath it what has none."""
    judged = [row for row in rows if row.met is not None]
    others = [row for row in rows if row.met is None]
    lines = ["| what | measured | target | |", "|---|---:|---:|---|"]
    lines += [f"| {row.what} | {row.measured} | {row.target} | {emphasised(row)} |" for row in judged]
    if others:
        lines += ["", "| beside that | measured |", "|---|---:|"]
        lines += [f"| {row.what} | {row.measured} |" for row in others]
    return "\n".join(lines)


def emphasised(row: Row) -> str:
    """What is not met is easy to find."""
    return row.verdict if row.met else f"**{row.verdict}**"


def content(results: dict, rows: list[Row]) -> str:
    """All that stands between the marks."""
    return "\n\n".join(part for part in (heading(results), caveat(rows), markdown(rows)) if part)


def caveat(rows: list[Row]) -> str:
    """A warning where others had their turn on the machine; else nothing."""
    if sum(row.noisy for row in rows) * 2 < len(rows):
        return ""
    return "**Others used this machine meanwhile.** Most figures (`~`) say more about that than about who is compared."


def heading(results: dict) -> str:
    """When, where, with what."""
    machine, works = results["machine"], results["works"].values()
    dates = sorted({work["date"] for work in works})
    commits = sorted({work["commit"] for work in works})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    return (
        f"{when}, Reelgate at {', '.join(commits)}, on {machine['cores']} cores of an {machine['processor']} at "
        f"{machine['mhz']} MHz with {machine['memory_gib']} GiB, Linux {machine['linux']}, rustc {machine['rustc']}; "
        f"nginx {machine['nginx']}, HAProxy {machine['haproxy']}, wrk {machine['wrk']}. Made by "
        f"`benches/rig/run table`."
    )


def put(page: str, content: str) -> str:
    """The page with other words between the marks. Fails if they are not there, once each, in order."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in after:
        raise ValueError(f"the page must have {BEGIN} and {END} once")
    return f"{before}{BEGIN}\n\n{content}\n\n{END}{after}"
