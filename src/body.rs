//! What a server sends, read whole into one piece of memory. A list of its pieces, which libraries keep, takes a hundred times
//! as much memory where a server sends it byte by byte.

use http_body_util::BodyExt;

/// Why a body could not be read whole.
pub enum Fault<E> {
    /// It is longer than anything that is waited for.
    TooLong,
    /// It broke off.
    BrokenOff(E),
}

/// Reads a body of at most so many bytes.
///
/// # Errors
/// It is longer, or breaks off.
pub async fn whole<B>(mut body: B, most: usize) -> Result<Vec<u8>, Fault<B::Error>>
where
    B: BodyExt + Unpin,
    B::Data: AsRef<[u8]>,
{
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(Fault::BrokenOff)?.into_data() else { continue };
        if whole.len() + data.as_ref().len() > most {
            return Err(Fault::TooLong);
        }
        whole.extend_from_slice(data.as_ref());
    }
    Ok(whole)
}
