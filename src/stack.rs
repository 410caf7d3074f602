//! The stack of the main thread. It grows as it is used, and where there is no memory left for that, nobody is told: the
//! system ends the process by a signal. What calls leave on it is nobody's either.

use rustix::process::{Resource, getrlimit};

use crate::problem::Problem;

/// More than all that the libraries for the network take; code that is not optimised takes more.
const ROOM: usize = if cfg!(debug_assertions) { 1024 * 1024 } else { 256 * 1024 };

/// With less than this for the main thread, the work is done by another one.
const LEAST: u64 = 4 * ROOM as u64;
/// What that one gets: as much as a main thread usually has.
const USUAL: usize = 8 * 1024 * 1024;

/// Does the work where there is stack enough for it: a limit of a few hundred KiB (`ulimit -s`) is one of the main
/// thread, which ends the process by a signal when it is reached.
///
/// # Errors
/// The limit is too small, and no other thread can be had.
pub fn enough<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let limit = getrlimit(Resource::Stack).current;
    let Some(small) = limit.filter(|limit| *limit < LEAST) else { return Ok(work()) };
    let too_small = || Problem::Stack { kibibytes: small / 1024, least: LEAST / 1024 };
    let worker = std::thread::Builder::new().stack_size(USUAL).spawn(work).map_err(|_| too_small())?;
    // A panic has ended the process already.
    worker.join().map_err(|_| too_small())
}

/// Takes the memory for what is to come now; false if there is none.
pub fn reserve() -> bool {
    // Other memory can be refused, and what is given back is there for the stack.
    let mut room = Vec::<u8>::new();
    let there = room.try_reserve_exact(2 * ROOM).is_ok();
    std::hint::black_box(&room);
    drop(room);
    if there {
        wipe();
    }
    there
}

/// Overwrites what calls that have ended left behind. A register that held a few bytes of a secret may have been put
/// there by whatever came next, the system's loader included.
#[inline(never)]
pub fn wipe() {
    // By name: a nameless one would be a constant, and none of the stack.
    let mut overwritten = [0_u8; ROOM];
    std::hint::black_box(&mut overwritten);
}
