//! The report for people: short, aligned, in colour only on a terminal.

use super::report::Report;

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// Lines of text that end in a line break each.
pub(super) fn write(report: &Report, colour: bool) -> String {
    let paint = |code: &'static str, text: &str| match colour {
        true => format!("{code}{text}{PLAIN}"),
        false => text.to_owned(),
    };
    let mut lines = Vec::new();
    let path = if report.path.is_empty() { String::new() } else { format!(", path {}", report.path) };
    lines.push(format!("{} on registry {}{path}", paint(BOLD, &clean(&report.question)), report.registry));
    lines.push(String::new());

    if report.cached {
        lines.push(format!("  {}", paint(DIM, "answered from the cache; --fresh asks the sources anew")));
    }
    for (number, source) in report.sources.iter().enumerate() {
        if !source.asked {
            let why = if report.found() { "not asked: one before it answered" } else { "not asked" };
            lines.push(paint(DIM, &format!("{}. {}: {why}", number + 1, source.source)));
            continue;
        }
        lines.push(format!("{}. {}", number + 1, paint(BOLD, source.source)));
        for look in &source.looks {
            let mark = if look.failed { paint(RED, "!") } else { " ".to_owned() };
            let took = if look.milliseconds > 0.0 {
                paint(DIM, &format!(" ({:.1} ms)", look.milliseconds))
            } else {
                String::new()
            };
            // The messages of failures begin with the object already.
            let what = match look.failed && look.result.starts_with(look.object.as_str()) {
                true => clean(&look.result),
                false => format!("{}: {}", clean(&look.object), clean(&look.result)),
            };
            lines.push(format!("   {mark} {what}{took}"));
            for line in look.fix.iter().flat_map(|fix| fix.lines()) {
                lines.push(format!("       {line}"));
            }
        }
    }
    if report.candidates.len() > 1 {
        lines.push(String::new());
        lines.push(paint(BOLD, "candidates, the best first"));
        let key = |at: usize| report.candidates[at].key.clone().unwrap_or_default();
        let width = (0..report.candidates.len()).map(|at| key(at).chars().count()).max().unwrap_or(0);
        for (at, candidate) in report.candidates.iter().enumerate() {
            let key = format!("{:width$}", clean(&key(at)));
            lines.push(format!(
                "  {}. {key}  user {}  {}  in {}",
                at + 1,
                clean(&candidate.username),
                candidate.rank,
                clean(&candidate.origin)
            ));
        }
    }
    lines.push(String::new());
    lines.push(match (&report.credential, &report.problem) {
        (Some(won), _) => {
            let life = won
                .seconds_left
                .map_or("life unknown".to_owned(), |left| format!("good for {}", duration(left)));
            format!(
                "{} user {} from {}, {life}",
                paint(GREEN, "found:"),
                clean(&won.username),
                clean(&won.origin)
            )
        }
        (None, Some(problem)) => format!("{} {}", paint(RED, "failed:"), clean(problem)),
        (None, None) => {
            format!("{} no source has a credential; clients go on without", paint(RED, "not found:"))
        }
    });
    lines.join("\n") + "\n"
}

/// Names from outside must not move the cursor or colour the terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration(59), "59 s");
        assert_eq!(duration(125), "2 min 5 s");
        assert_eq!(duration(43_199), "11 h 59 min");
    }

    #[test]
    fn what_comes_from_outside_cannot_steer_the_terminal() {
        assert_eq!(clean("a\x1b[2Jb\nc"), "a [2Jb c");
    }
}
