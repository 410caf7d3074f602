//! What README.md says of the settings is what the program does, and what SECURITY.md promises has tests.

#![allow(clippy::unwrap_used, clippy::expect_used)] // an expectation that fails here is how a test fails

use std::collections::BTreeSet;
use std::ffi::OsString;

use docker_credential_kubeclarity::settings::Settings;

const README: &str = include_str!("../README.md");
const SETTINGS: [&str; 2] = [include_str!("../src/settings.rs"), include_str!("../src/settings/cloud.rs")];

/// The rows of the table below `## Settings`: variable, default, meaning. A default in backticks is one that
/// can be set; others stand in words.
fn rows() -> Vec<[&'static str; 3]> {
    let section = README.split("\n## Settings\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<_> = section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            <[&str; 3]>::try_from(cells).unwrap()
        })
        .collect();
    assert!(rows.len() > 10, "the table was not found");
    rows
}

fn in_backticks(cell: &str) -> Option<&str> {
    cell.strip_prefix('`')?.strip_suffix('`')
}

#[test]
fn every_setting_is_in_the_table_and_nothing_else() {
    let code = SETTINGS.map(|file| file.split("#[cfg(test)]").next().unwrap());
    let is_variable = |text: &&str| {
        text.len() > 2
            && text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    // Every second piece between quotes is a string.
    let read: BTreeSet<&str> =
        code.iter().flat_map(|file| file.split('"').skip(1).step_by(2)).filter(is_variable).collect();
    let told: Vec<&str> = rows().iter().map(|[variable, ..]| in_backticks(variable).unwrap()).collect();
    let once: BTreeSet<&str> = told.iter().copied().collect();
    assert_eq!(told.len(), once.len(), "a variable stands twice in README.md");
    let differ: Vec<_> = once.symmetric_difference(&read).collect();
    assert!(differ.is_empty(), "only in one of README.md and src/settings.rs: {differ:?}");
}

#[test]
fn the_defaults_in_the_table_are_the_defaults() {
    let default = |variable: &str| {
        let [_, default, _] = *rows().iter().find(|row| in_backticks(row[0]) == Some(variable)).unwrap();
        in_backticks(default).map(OsString::from)
    };
    let told: Vec<&str> = rows().iter().map(|[variable, ..]| in_backticks(variable).unwrap()).collect();
    for variable in told {
        let with = Settings::from(|name| if name == variable { default(name) } else { None }).unwrap();
        let without = Settings::from(|_| None).unwrap();
        assert_eq!(format!("{with:?}"), format!("{without:?}"), "{variable}");
    }
}

/// A heading as a link names it.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    let name = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    };
    headings.map(name).collect()
}

#[test]
fn links_lead_to_files_and_headings() {
    let security = include_str!("../SECURITY.md");
    for text in [README, security, include_str!("../CONTRIBUTING.md")] {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("http") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            let there =
                if file.is_empty() { text.to_owned() } else { std::fs::read_to_string(path).expect(link) };
            assert!(anchor.is_empty() || anchors(&there).contains(anchor), "{link}");
        }
    }
}

/// All text of the files below a directory of the package that have such an ending.
fn code(directory: &str, ending: &str) -> String {
    let mut text = String::new();
    let mut open = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|found| found == ending) {
            text += &std::fs::read_to_string(&path).unwrap();
        }
    }
    text
}

/// The rows of all tables below a heading, without the tables' heads.
fn tables(text: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = text.lines().collect();
    let is_head = |at: usize| lines.get(at + 1).is_some_and(|next| next.starts_with("|---"));
    let rows = lines.iter().enumerate().filter(|(at, line)| line.starts_with("| ") && !is_head(*at));
    rows.map(|(_, row)| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// All code in which a test may stand.
fn all_tests() -> String {
    code("src", "rs") + &code("tests", "rs") + &code("tests/e2e", "py")
}

/// Whether each name in a cell is that of a test.
#[track_caller]
fn are_tests(cell: &str, code: &str, document: &str) {
    for test in cell.split(", ").map(|test| test.trim_matches('`')) {
        let there = ["fn", "def"].iter().any(|word| code.contains(&format!("{word} {test}(")));
        assert!(there, "{test} is named in {document} but is no test");
    }
}

#[test]
fn every_row_of_the_compatibility_page_has_its_tests() {
    let code = all_tests();
    let rows = tables(include_str!("../docs/compatibility.md"));
    // Those where the helper and kubelet differ have two cells; a test of their own compares them.
    let rows: Vec<_> = rows.iter().filter(|cells| cells.len() == 3).collect();
    assert!(rows.len() > 8, "{rows:?}");
    for cells in rows {
        are_tests(cells[2], &code, "docs/compatibility.md");
    }
}

#[test]
fn every_promise_has_its_tests() {
    let code = all_tests();
    let security = include_str!("../SECURITY.md");
    let (model, promises) = security.split_once("\n### ").unwrap();
    let mut sections = BTreeSet::new();
    for section in promises.split("\n### ") {
        let title = section.lines().next().unwrap();
        sections.insert(title.trim_start_matches("### ").to_lowercase());
        let rows = tables(section);
        assert!(!rows.is_empty(), "{title} promises nothing");
        for cells in rows {
            let [_, promise, tests] = cells[..] else { panic!("{cells:?}") };
            assert!(tests.starts_with('`'), "no test holds: {promise}");
            are_tests(tests, &code, "SECURITY.md");
        }
    }
    // Every attacker of the model has a section, and every section an attacker.
    let told: BTreeSet<String> = tables(model)
        .iter()
        .map(|cells| {
            let (title, link) = cells[2].trim_start_matches('[').split_once("](#").unwrap();
            assert_eq!(link.trim_end_matches(')'), title.to_lowercase().replace(' ', "-"));
            title.to_lowercase()
        })
        .collect();
    assert_eq!(told, sections);
}

/// A comment above each; `deny.toml` and `.ci/gates` hold what none may be.
#[test]
fn every_dependency_has_its_reason() {
    for manifest in [include_str!("../Cargo.toml"), include_str!("../fuzz/Cargo.toml")] {
        let mut reason = false;
        let mut counts = false;
        for line in manifest.lines() {
            match line {
                _ if line.starts_with('[') => counts = line.ends_with("dependencies]"),
                "" => {}
                _ if !counts => {}
                _ if line.starts_with('#') => reason = true,
                _ => {
                    assert!(reason, "no reason for {line}");
                    reason = false;
                }
            }
        }
    }
}
