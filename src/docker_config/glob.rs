//! Globs in the host of a key, label by label.

/// One label against one glob: `*`, `?`, `[a-z]`, `[^a-z]` and `\x`, as Go's `path/filepath.Match`. A glob
/// that is malformed matches nothing.
pub fn matches(glob: &str, label: &str) -> bool {
    // Backtracks to the last `*` only: time is bounded by the product of the lengths.
    let (glob, label): (Vec<char>, Vec<char>) = (glob.chars().collect(), label.chars().collect());
    let (mut g, mut l) = (0, 0);
    let mut star = None;
    while l < label.len() {
        if glob.get(g) == Some(&'*') {
            star = Some((g, l));
            g += 1;
            continue;
        }
        match one(&glob[g..], label[l]) {
            Err(Malformed) => return false,
            Ok(Some(used)) => (g, l) = (g + used, l + 1),
            Ok(None) => match star {
                None => return false,
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (g, l) = (at + 1, from + 1);
                }
            },
        }
    }
    glob[g..].iter().all(|&c| c == '*')
}

struct Malformed;

/// Whether the glob's first term takes the character: how much of the glob that used, or `None` if not.
fn one(glob: &[char], c: char) -> Result<Option<usize>, Malformed> {
    match glob {
        [] => Ok(None),
        ['?', ..] => Ok(Some(1)),
        ['\\', escaped, ..] => Ok((*escaped == c).then_some(2)),
        ['\\'] => Err(Malformed),
        ['[', class @ ..] => {
            let negated = class.first() == Some(&'^');
            let mut at = usize::from(negated);
            let mut matched = false;
            let first = at;
            loop {
                match class.get(at) {
                    Some(']') if at > first => break,
                    None => return Err(Malformed),
                    Some(_) => {}
                }
                let low = class_char(class, &mut at)?;
                let mut high = low;
                if class.get(at) == Some(&'-') {
                    at += 1;
                    high = class_char(class, &mut at)?;
                }
                matched |= (low..=high).contains(&c);
            }
            Ok((matched != negated).then_some(at + 2))
        }
        [plain, ..] => Ok((*plain == c).then_some(1)),
    }
}

/// One character of a class, which may be escaped.
fn class_char(class: &[char], at: &mut usize) -> Result<char, Malformed> {
    let escaped = class.get(*at) == Some(&'\\');
    *at += usize::from(escaped);
    match class.get(*at) {
        Some(&c) if escaped || (c != '-' && c != ']') => {
            *at += 1;
            Ok(c)
        }
        _ => Err(Malformed),
    }
}
