//! Writes the man page and the shells' completions into a directory: `cargo run --example manuals -- docs/manuals`.
//! They are kept in the tree, where install.sh finds them; tests/manuals.rs keeps them true.

use std::path::PathBuf;

use clap_complete::{Shell, generate_to};
use docker_credential_kubeclarity::command::command_line;
use docker_credential_kubeclarity::protocol::NAME;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args_os().nth(1).map(PathBuf::from).ok_or("name a directory")?;
    std::fs::create_dir_all(&directory)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut command_line(), NAME, &directory)?;
    }
    // clap_complete takes each hyphen of the program's name for a verb, in the labels but not where they are looked for.
    let bash = directory.join(format!("{NAME}.bash"));
    let text = std::fs::read_to_string(&bash)?;
    std::fs::write(&bash, text.replace(&NAME.replace('-', "__subcmd__"), &NAME.replace('-', "__")))?;
    // One page for all verbs, each with its options.
    let mut page = Vec::new();
    clap_mangen::Man::new(command_line()).render(&mut page)?;
    for verb in command_line().get_subcommands() {
        let man = clap_mangen::Man::new(verb.clone().bin_name(format!("{NAME} {}", verb.get_name())));
        if verb.get_arguments().next().is_some() {
            page.extend_from_slice(format!(".SH {}\n", verb.get_name().to_uppercase()).as_bytes());
            man.render_synopsis_section(&mut page)?;
            man.render_options_section(&mut page)?;
        }
    }
    // The verbs stand in this page, not in pages of their own.
    let mut page = String::from_utf8(page)?;
    for verb in command_line().get_subcommands() {
        let hyphens = format!("{NAME}-{}", verb.get_name()).replace('-', "\\-");
        page = page.replace(&format!("{hyphens}(1)"), verb.get_name());
    }
    let mut page = page.into_bytes();
    page.extend_from_slice(ends(include_str!("../README.md")).as_bytes());
    std::fs::write(directory.join(format!("{NAME}.1")), page)?;
    Ok(())
}

/// What the command line does not know: the settings, from README's tables, and the files.
fn ends(readme: &str) -> String {
    let mut text = "\
.SH EXIT STATUS
0 is success. With 1, the reason is on standard output, in one line: what failed, on which object, what to do.
.SH ENVIRONMENT
An empty variable counts as unset.
"
    .to_owned();
    for row in readme.lines().filter_map(|line| line.strip_prefix("| `")) {
        let Some((name, rest)) = row.split_once("` | ") else { continue };
        let Some((default, what)) = rest.trim_end_matches(" |").split_once("| ") else { continue };
        if !name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') {
            continue;
        }
        let default = match default.trim() {
            "" => String::new(),
            default => format!(" (default: {})", plain(default)),
        };
        text += &format!(".TP\n\\fB{name}\\fR{default}\n{}\n", plain(what));
    }
    text + "\
.SH FILES
.TP
~/.docker/config.json, or config.json of the directory in DOCKER_CONFIG
Where docker, crane, trivy, grype and their like look for this helper: credHelpers, credsStore.
.TP
~/.config/containers/auth.json, or the file in REGISTRY_AUTH_FILE
The same for podman, skopeo and buildah.
.TP
$XDG_RUNTIME_DIR, else $XDG_CACHE_HOME or ~/.cache: docker\\-credential\\-kubeclarity/
Answers that took the network, readable by this user only.
"
}

/// Markdown's code as plain words, and nothing that roff would understand.
fn plain(text: &str) -> String {
    text.replace('`', "").replace('\\', "\\e").replace('-', "\\-")
}
