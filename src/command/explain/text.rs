//! The report for people: short, aligned, in colour only on a terminal. What is to be pasted stands at the end, at the
//! beginning of a line: a here-document does not end at an indented word.

use super::report::{Asked, Looked, Report};
use crate::shown::Shown;
use crate::shown::paste::Paste;

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// An object that is longer does not push the others' results to the right.
const WIDEST: usize = 64;

/// What sources call the thing that they are about: the heading says it already.
const SAID_BY_THE_HEADING: [&str; 2] = ["cloud identity", "cluster"];

/// Lines of text that end in a line break each.
pub(super) fn write(report: &Report, colour: bool) -> String {
    let page = Page { report, colour };
    let mut lines = vec![page.head(), String::new()];
    if report.cached {
        lines.push(page.paint(DIM, "an earlier answer, from the cache; --fresh asks the sources anew"));
    }
    let mut fixes = Vec::new();
    let heading = report.sources.iter().map(|source| source.source.len()).max().unwrap_or(0);
    for (number, source) in report.sources.iter().enumerate() {
        page.source(number + 1, source, heading, &mut lines, &mut fixes);
    }
    page.candidates(&mut lines);
    lines.push(String::new());
    page.verdict(&mut lines);
    if let Some(problem) = &report.cache_problem {
        lines.push(String::new());
        lines.push(format!("{} {}", page.paint(BOLD, "cache:"), problem));
    }
    page.fixes(&fixes, &mut lines);
    lines.join("\n") + "\n"
}

struct Page<'a> {
    report: &'a Report,
    colour: bool,
}

/// One line about one thing that was looked at, or about several of which the same is to be said.
struct Line {
    mark: char,
    object: String,
    result: String,
}

impl Page<'_> {
    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("{code}{text}{PLAIN}") } else { text.to_owned() }
    }

    fn head(&self) -> String {
        let Report { question, registry, path, .. } = self.report;
        let [question, registry, path] = [question, registry, path].map(Shown::to_string);
        let mut head = self.paint(BOLD, &question);
        let said = if path.is_empty() { registry.clone() } else { format!("{registry}/{path}") };
        if !question.starts_with(&said) {
            if question != registry {
                head += &format!(" on registry {}", registry);
            }
            if !path.is_empty() {
                head += &format!(", path {}", path);
            }
        }
        head
    }

    /// One line if there is one thing to say, else the heading and a line for each.
    fn source(
        &self,
        number: usize,
        source: &Asked,
        width: usize,
        lines: &mut Vec<String>,
        fixes: &mut Vec<(String, Paste)>,
    ) {
        let padded = |name: &str| format!("{name:width$}");
        if !source.asked {
            let why = if self.report.found() { "not asked: one before it answered" } else { "not asked" };
            lines.push(self.paint(DIM, &format!("{number}. {}  {why}", padded(source.source))));
            return;
        }
        let told = self.told(&source.looks, fixes);
        match &told[..] {
            [] => {
                lines.push(format!("{number}. {}  no cluster to ask", padded(source.source)));
            }
            [one] if one.mark == ' ' => {
                let between = if one.object.is_empty() { "" } else { ": " };
                let text = format!("{}{between}{}", one.object, one.result);
                lines.push(format!("{number}. {}  {text}", padded(source.source)));
            }
            several => {
                lines.push(format!("{number}. {}", self.paint(BOLD, source.source)));
                let lengths = several.iter().map(|line| line.object.chars().count());
                let width = lengths.filter(|length| *length <= WIDEST).max().unwrap_or(0);
                for line in several {
                    let mark = match line.mark {
                        '!' => self.paint(RED, "!"),
                        '*' => self.paint(GREEN, "*"),
                        _ => " ".to_owned(),
                    };
                    let object = match line.object.as_str() {
                        "" => String::new(),
                        object => format!("{object:width$}  "),
                    };
                    lines.push(format!("   {mark} {object}{}", line.result));
                }
            }
        }
    }

    fn told(&self, looks: &[Looked], fixes: &mut Vec<(String, Paste)>) -> Vec<Line> {
        let mut told: Vec<Line> = Vec::new();
        for look in looks {
            let won = self.report.credential.as_ref().is_some_and(|won| won.origin == look.object);
            let mark = match (look.failed, won) {
                (true, _) => '!',
                (false, true) => '*',
                (false, false) => ' ',
            };
            let (whole, result) = (look.object.to_string(), look.result.to_string());
            // The messages of failures begin with the object already.
            let result = result.strip_prefix(whole.as_str()).unwrap_or(&result);
            let mut result = result.trim_start_matches([':', ' ']).to_owned();
            let object = if is_said(&whole) { String::new() } else { whole.clone() };
            if let Some(fix) = &look.fix {
                // What it takes stands below; the message's own remedy, after its last semicolon, says less.
                if let Some((what, _)) = result.rsplit_once("; ") {
                    result = what.to_owned();
                }
                let known = fixes.iter().position(|(_, known)| known == fix);
                let number = known.unwrap_or(fixes.len()) + 1;
                if known.is_none() {
                    fixes.push((whole, fix.clone()));
                }
                result += &format!("; see fix {number}");
            }
            if look.milliseconds > 0.0 {
                result += &self.paint(DIM, &format!(" ({:.1} ms)", look.milliseconds));
            }
            match told.last_mut() {
                Some(last) if mark == ' ' && last.mark == ' ' && last.result == result => {
                    last.object += &format!(", {object}");
                }
                _ => told.push(Line { mark, object, result }),
            }
        }
        told
    }

    fn candidates(&self, lines: &mut Vec<String>) {
        let all = &self.report.candidates;
        if all.len() < 2 {
            return;
        }
        lines.push(String::new());
        lines.push(self.paint(BOLD, "candidates, the best first"));
        let rows: Vec<[String; 4]> = all
            .iter()
            .map(|one| {
                let key = one.key.as_ref().map(Shown::to_string).unwrap_or_default();
                [key, format!("user {}", one.username), one.rank.to_string(), one.origin.to_string()]
            })
            .collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let (key, user, rank) = (width(0), width(1), width(2));
        for (at, row) in rows.iter().enumerate() {
            lines.push(format!(
                "{}. {:key$}  {:user$}  {:rank$}  {}",
                at + 1,
                row[0],
                row[1],
                row[2],
                row[3]
            ));
        }
    }

    /// What `get` answers, and what to make of it.
    fn verdict(&self, lines: &mut Vec<String>) {
        let age = if self.report.cached { "from the cache" } else { "fresh" };
        match (&self.report.credential, &self.report.problem) {
            (Some(won), _) => {
                let life = match won.seconds_left {
                    Some(left) => format!("good for {}", duration(left)),
                    None => "no expiry known".to_owned(),
                };
                let found = self.paint(GREEN, "found:");
                lines.push(format!("{found} user {} from {}", won.username, won.origin));
                lines.push(format!("       {life}, {age}"));
                lines.extend(self.report.hint.as_ref().map(|hint| format!("       {hint}")));
            }
            (None, Some(problem)) => {
                lines.push(format!("{} {}", self.paint(RED, "failed:"), problem));
            }
            (None, None) => {
                let failed = self.report.sources.iter().flat_map(|source| &source.looks);
                let passed_over = match failed.filter(|look| look.failed).count() {
                    0 => "",
                    _ => "; what is marked ! could not be used",
                };
                lines.push(format!(
                    "{} no source has a credential, so clients go on without one{passed_over} ({age})",
                    self.paint(RED, "not found:")
                ));
                if let Some(left) = self.report.cached_for {
                    lines.push(format!(
                        "       cached for {left} s more: get returns the same until then. If you just added the credential, try again"
                    ));
                    lines.push("       after that; --fresh shows what the sources have now".to_owned());
                }
            }
        }
    }

    fn fixes(&self, fixes: &[(String, Paste)], lines: &mut Vec<String>) {
        let needless = if self.report.found() { " (this answer does without)" } else { "" };
        for (at, (object, fix)) in fixes.iter().enumerate() {
            lines.push(String::new());
            let about =
                if object.is_empty() || is_said(object) { String::new() } else { format!(", for {object}") };
            lines.push(self.paint(BOLD, &format!("fix {}{about}{needless}", at + 1)));
            lines.extend(fix.lines().map(|line| line.to_string()));
        }
    }
}

fn is_said(object: &str) -> bool {
    SAID_BY_THE_HEADING.contains(&object)
}

fn duration(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, m, s) => format!("{m} min {s} s"),
        (0, h, m, _) => format!("{h} h {m} min"),
        (d, h, ..) => format!("{d} d {h} h"),
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
        assert_eq!(duration(90_000), "1 d 1 h");
    }
}
