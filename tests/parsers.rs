//! What `fuzz/` looks for with a nightly compiler is tried here with any: each parser's property holds for its seeds
//! and for what random changes make of them, with the words of its dictionary.

#![allow(clippy::unwrap_used, clippy::expect_used)] // how a test fails

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

#[path = "../fuzz/checks/mod.rs"]
mod checks;

use checks::{TARGETS, Target};

/// How many inputs are made for a target that costs 1.
const CASES: u32 = 500;

/// One change of an input; positions are taken modulo its length.
#[derive(Debug, Clone)]
enum Change {
    Cut(u16, u8),
    Put(u16, u8),
    Word(u16, u8),
    Repeat(u16, u8, u8),
    Graft(u8, u16),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<u16>(), 1..20u8).prop_map(|(at, length)| Change::Cut(at, length)),
        (any::<u16>(), any::<u8>()).prop_map(|(at, byte)| Change::Put(at, byte)),
        (any::<u16>(), any::<u8>()).prop_map(|(at, word)| Change::Word(at, word)),
        (any::<u16>(), 1..30u8, 1..40u8).prop_map(|(at, length, times)| Change::Repeat(at, length, times)),
        (any::<u8>(), any::<u16>()).prop_map(|(seed, at)| Change::Graft(seed, at)),
    ]
}

impl Change {
    fn apply(&self, input: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[Vec<u8>]) {
        let place = |at: u16, length: usize| usize::from(at) % (length + 1);
        let (length, some) = (input.len(), |at: usize, some: u8| (at + usize::from(some)).min(input.len()));
        match *self {
            Change::Cut(at, count) => {
                let at = place(at, length);
                drop(input.drain(at..some(at, count)));
            }
            Change::Put(at, byte) => match input.get_mut(place(at, length)) {
                Some(there) => *there = byte,
                None => input.push(byte),
            },
            Change::Word(at, word) => {
                let (at, word) = (place(at, length), &words[usize::from(word) % words.len()]);
                input.splice(at..at, word.iter().copied());
            }
            Change::Repeat(at, count, times) => {
                let at = place(at, length);
                let piece = input[at..some(at, count)].repeat(usize::from(times));
                input.splice(at..at, piece);
            }
            Change::Graft(seed, at) => {
                let seed = &seeds[usize::from(seed) % seeds.len()];
                input.truncate(place(at, length));
                input.extend_from_slice(&seed[place(at, seed.len())..]);
            }
        }
    }
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(fuzz().join("seeds").join(target))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// The words of a dictionary, in libFuzzer's form: one a line in quotes, with `\\`, `\"` and `\xNN`.
fn words(target: &str) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(fuzz().join(format!("dictionaries/{target}.dict"))).unwrap();
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(word).collect()
}

fn word(line: &str) -> Vec<u8> {
    let mut rest = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).expect(line).as_bytes();
    let mut word = Vec::new();
    loop {
        match rest {
            [] => return word,
            [b'\\', b'x', hex @ ..] if hex.len() >= 2 => {
                let digits = std::str::from_utf8(&hex[..2]).unwrap();
                word.push(u8::from_str_radix(digits, 16).expect(line));
                rest = &hex[2..];
            }
            [b'\\', plain @ (b'\\' | b'"'), after @ ..] => {
                word.push(*plain);
                rest = after;
            }
            [b'\\', ..] => panic!("{line}: libFuzzer takes no such escape"),
            [plain, after @ ..] => {
                word.push(*plain);
                rest = after;
            }
        }
    }
}

#[test]
fn every_parser_holds_its_property() {
    for &Target { name: target, cost, check } in TARGETS {
        let (seeds, words, cases) = (seeds(target), words(target), CASES / cost);
        seeds.iter().for_each(|seed| check(seed));
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        let input = (any::<u8>(), prop::collection::vec(change(), 0..8));
        let outcome = runner.run(&input, |(seed, changes)| {
            let mut input = seeds[usize::from(seed) % seeds.len()].clone();
            changes.iter().for_each(|change| change.apply(&mut input, &seeds, &words));
            check(&input);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{target}: {error}"));
    }
}

#[test]
fn every_target_is_tried_here_and_has_seeds_and_a_dictionary() {
    let names: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names.len(), TARGETS.len(), "a target is listed twice");
    let stems = |folder: &str, ending: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(fuzz().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.map(|name| name.strip_suffix(ending).expect(&name).to_owned()).collect()
    };
    let mut files = stems("checks", ".rs");
    assert!(files.remove("mod"));
    assert_eq!(files, names, "checks/mod.rs names every file beside it");
    assert_eq!(stems("dictionaries", ".dict"), names);
    assert_eq!(stems("seeds", ""), names);
    for name in names {
        assert!(!seeds(&name).is_empty(), "{name}");
    }
}

/// A pod's disk may hold a kubeconfig of somebody else: aliases of aliases, depth without end and a document without
/// end are refused, and cost little.
#[test]
fn a_kubeconfig_that_unfolds_without_end_is_refused() {
    let mut aliases = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, before) in ('b'..='p').zip('a'..) {
        aliases += &format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(", "));
    }
    for text in [
        aliases,
        format!("current-context: x\ncontexts: {}", "[".repeat(200_000)),
        format!("x: {}{}", "{a: ".repeat(100_000), "}".repeat(100_000)),
        format!("users:\n- name: &n {}\n{}", "y".repeat(1_000_000), "- name: *n\n".repeat(90_000)),
    ] {
        let parsed = docker_credential_kubeclarity::cluster::config::parse(
            &"f".into(),
            Path::new("/"),
            text.as_bytes(),
        );
        assert!(parsed.is_err(), "{}", &text[..40]);
    }
}
