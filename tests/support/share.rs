//! Many runs, several at a time, and how deep to go: `FAULTS=all` takes every position instead of a sample.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Whether every position is wanted, however long it takes.
pub fn all_wanted() -> bool {
    std::env::var("FAULTS").is_ok_and(|value| value == "all")
}

/// The positions below a length: all of them if that is wanted, else so many, spread evenly, both ends among them.
pub fn positions(length: usize, sample: usize) -> Vec<usize> {
    if all_wanted() || length <= sample {
        return (0..length).collect();
    }
    (0..sample).map(|at| at * (length - 1) / (sample - 1)).collect()
}

/// Does each piece of work once, several at a time; each worker has a place of its own.
pub fn side_by_side<W: Sync, P>(work: &[W], place: impl Fn() -> P + Sync, each: impl Fn(&P, &W) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let place = place();
                while let Some(piece) = work.get(next.fetch_add(1, Ordering::SeqCst)) {
                    each(&place, piece);
                }
            });
        }
    });
}

/// A figure for docs/reliability.md, shown by `cargo test -- --nocapture`.
pub fn tell(figure: &str) {
    #[allow(clippy::print_stderr)] // it is for people
    {
        eprintln!("{figure}");
    }
}
