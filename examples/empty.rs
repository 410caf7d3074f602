//! A process that does nothing, built as the program is: what `benches/run` measures a cached answer against.

fn main() {}
