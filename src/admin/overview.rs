//! The status for people: one page without scripts, and nothing from elsewhere.

use std::fmt::{self, Display, Write};

use super::status::{Places, Status};

/// The page.
pub(super) fn page(status: &Status) -> String {
    let mut page = String::from(HEAD);
    // Writing into memory cannot fail.
    let _ = write_body(&mut page, status);
    page
}

const HEAD: &str = "<!doctype html>
<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Reelgate</title>
<meta name=\"viewport\" content=\"width=device-width\">
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; max-width: 60rem; color: #222; background: #fff }
h1 { font-size: 1.3rem } h2 { font-size: 1rem; margin: 1.5rem 0 .3rem }
table { border-collapse: collapse } th, td { text-align: left; padding: .15rem 1.5rem .15rem 0 }
th { font-weight: 600; border-bottom: 1px solid #ccc } td { font-variant-numeric: tabular-nums }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } a { color: #8bf } }
</style></head><body>
";

fn write_body(page: &mut String, status: &Status) -> fmt::Result {
    let Status { version, commit, stage, started, configuration, ledger, .. } = status;
    write!(
        page,
        "<h1>Reelgate {version}: {stage}</h1>\n<p><a href=\"status\">status</a> · <a href=\"metrics\">metrics</a> · \
         <a href=\"readyz\">readyz</a> · <a href=\"livez\">livez</a></p>\n<table>\n"
    )?;
    row(page, "td", &[&"commit", &Text(commit)])?;
    row(page, "td", &[&"started", &started])?;
    let fingerprint = Text(&configuration.fingerprint);
    row(page, "td", &[&"configuration", &format_args!("{} {fingerprint}", configuration.generation)])?;
    row(page, "td", &[&"connections", &status.connections])?;
    row(page, "td", &[&"requests in flight", &status.requests_in_flight])?;
    row(page, "td", &[&"jobs unfinished", &status.jobs_unfinished])?;
    let ledger =
        format_args!("{}: {} open, {} unwritten", ledger.store, ledger.open, ledger.unwritten).to_string();
    row(page, "td", &[&"ledger", &ledger])?;
    if let Some(reason) = &status.ledger.lost {
        row(page, "td", &[&"ledger is lost", &Text(reason)])?;
    }
    page.write_str("</table>\n")?;
    write_upstreams(page, status)?;
    write_limits(page, status)?;
    page.write_str("</body></html>\n")
}

fn write_upstreams(page: &mut String, status: &Status) -> fmt::Result {
    heading(
        page,
        "Upstreams",
        &["name", "base URL", "breaker", "failures", "retry budget", "attempts in flight"],
    )?;
    for upstream in &status.upstreams {
        let breaker = &upstream.breaker;
        let cells: [&dyn Display; 6] = [
            &Text(&upstream.name),
            &Text(&upstream.base_url),
            &breaker.position,
            &breaker.failures,
            &upstream.retry_budget,
            &upstream.attempts_in_flight,
        ];
        row(page, "td", &cells)?;
    }
    page.write_str("</table>\n")
}

fn write_limits(page: &mut String, status: &Status) -> fmt::Result {
    heading(page, "Job slots and calls in flight", &["of", "name", "limit", "in use", "waiting"])?;
    for slots in &status.slots {
        places(page, (&format_args!("slots of {}", slots.scope), &slots.name), slots.places)?;
    }
    for load in &status.load {
        places(page, (&format_args!("calls: {}", load.class), ""), load.places)?;
    }
    page.write_str("</table>\n")?;
    if status.quotas.is_empty() {
        return Ok(());
    }
    heading(page, "Rates", &["of", "name", "calls", "limit", "remaining", "full in"])?;
    for quota in &status.quotas {
        let (name, reset) = (Text(&quota.name), format_args!("{} s", quota.reset_seconds).to_string());
        row(page, "td", &[&quota.scope, &name, &quota.class, &quota.limit, &quota.remaining, &reset])?;
    }
    page.write_str("</table>\n")
}

fn places(page: &mut String, (of, name): (&dyn Display, &str), places: Places) -> fmt::Result {
    row(page, "td", &[of, &Text(name), &places.limit, &places.in_use, &places.waiting])
}

fn heading(page: &mut String, title: &str, columns: &[&str]) -> fmt::Result {
    writeln!(page, "<h2>{title}</h2>\n<table>")?;
    let columns: Vec<&dyn Display> = columns.iter().map(|column| column as &dyn Display).collect();
    row(page, "th", &columns)
}

fn row(page: &mut String, cell: &str, cells: &[&dyn Display]) -> fmt::Result {
    page.write_str("<tr>")?;
    for content in cells {
        write!(page, "<{cell}>{content}</{cell}>")?;
    }
    page.write_str("</tr>\n")
}

/// A text that the operator chose, as it stands in HTML.
struct Text<'t>(&'t str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_calls_things_is_no_markup() {
        assert_eq!(Text("<b onload=\"x\">&").to_string(), "&lt;b onload=&quot;x&quot;&gt;&amp;");
    }
}
