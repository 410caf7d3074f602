//! The stack of the main thread. It grows as it is used, and where there is no memory left for that, nobody is told: the
//! system ends the process by a signal. What calls leave on it is nobody's either.

/// More than all that the libraries for the network take; code that is not optimised takes more.
const ROOM: usize = if cfg!(debug_assertions) { 1024 * 1024 } else { 256 * 1024 };

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
