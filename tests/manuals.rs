//! The man page and the completions in the tree are the ones that this program's command line gives.

use std::path::Path;
use std::process::Command;

#[test]
fn the_tree_holds_what_the_command_line_gives() {
    let directory = tempfile::tempdir().unwrap();
    // Cargo builds examples before it runs integration tests, beside the test programs.
    let program = std::env::current_exe().unwrap();
    let example = program.parent().unwrap().parent().unwrap().join("examples/manuals");
    let written = Command::new(&example).arg(directory.path()).status().unwrap();
    assert!(written.success(), "{}", example.display());

    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/manuals");
    let mut names: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names.len(), 4, "{names:?}");
    for name in names {
        let new = std::fs::read_to_string(directory.path().join(&name)).unwrap();
        let old = std::fs::read_to_string(kept.join(&name)).unwrap_or_default();
        assert!(new == old, "{} differs; run: cargo run --example manuals -- docs/manuals", name.display());
    }
}

#[test]
fn bash_completes_verbs_and_their_options() {
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/manuals/docker-credential-kubeclarity.bash");
    let completed = |words: &str| {
        let ask = format!(
            ". '{}' && COMP_WORDS=({words}) && COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)) && \
             _docker__credential__kubeclarity docker-credential-kubeclarity \"${{COMP_WORDS[COMP_CWORD]}}\" y && echo \"${{COMPREPLY[*]}}\"",
            script.display()
        );
        let Ok(output) = Command::new("bash").args(["--norc", "-c", &ask]).output() else { return None };
        Some(String::from_utf8(output.stdout).unwrap())
    };
    let Some(options) = completed("docker-credential-kubeclarity explain --") else { return };
    assert!(options.contains("--json") && options.contains("--fresh"), "{options:?}");
    assert!(completed("docker-credential-kubeclarity confi").unwrap().contains("configure"));
}
