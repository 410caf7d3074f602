//! What a proxy is asked for before the connection is the host's: `CONNECT` (RFC 9110, section 9.3.6), SOCKS 5 (RFC 1928)
//! and its user and password (RFC 1929).

use std::net::IpAddr;

use http::StatusCode;
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::fault::Why;
use super::proxy::Login;
use crate::secret::Secret;

/// No proxy says more before the connection is made.
const MOST_BYTES: usize = 8 * 1024;

/// Asks an HTTP proxy for a connection to a host, whose IPv6 address comes without brackets.
pub(super) async fn connect<T: Read + Write + Unpin>(
    io: T,
    host: &str,
    port: u16,
    authorization: Option<&Secret>,
) -> Result<T, Why> {
    let host = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut request = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n");
    if let Some(value) = authorization {
        request.push_str("Proxy-Authorization: ");
        request.push_str(value.expose());
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let mut io = TokioIo::new(io);
    io.write_all(request.as_bytes()).await.map_err(|error| Why::of(&error))?;
    let mut answer = Vec::new();
    loop {
        let mut chunk = [0; 1024];
        let got = io.read(&mut chunk).await.map_err(|error| Why::of(&error))?;
        answer.extend_from_slice(&chunk[..got]);
        match status(&answer) {
            Some(status) if status.is_success() => {
                // The server speaks TLS, in which the client speaks first.
                let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
                match end {
                    Some(end) if end + 4 == answer.len() => return Ok(io.into_inner()),
                    Some(_) => return Err(Why::NoProxy),
                    None => {}
                }
            }
            Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED) => return Err(Why::Login),
            Some(status) => return Err(Why::Answered(status)),
            None if answer.len() >= b"HTTP/1.".len() && !answer.starts_with(b"HTTP/1.") => {
                return Err(Why::NoProxy);
            }
            None => {}
        }
        if got == 0 {
            return Err(Why::BrokenOff);
        }
        if answer.len() > MOST_BYTES {
            return Err(Why::NoProxy);
        }
    }
}

/// The status of an answer, once its first line is there.
fn status(answer: &[u8]) -> Option<StatusCode> {
    let line = &answer[..answer.iter().position(|byte| *byte == b'\n')?];
    let mut words = line.split(|byte| byte.is_ascii_whitespace());
    words.next().filter(|version| version.starts_with(b"HTTP/1."))?;
    Some(StatusCode::from_bytes(words.next()?).unwrap_or(StatusCode::BAD_GATEWAY))
}

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const WITH_LOGIN: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Asks a SOCKS 5 proxy for a connection to a host. The proxy resolves its name.
pub(super) async fn socks<T: Read + Write + Unpin>(
    io: T,
    host: &str,
    port: u16,
    login: Option<&Login>,
) -> Result<T, Why> {
    let mut io = TokioIo::new(io);
    let greeting: &[u8] =
        if login.is_some() { &[VERSION, 2, NO_LOGIN, WITH_LOGIN] } else { &[VERSION, 1, NO_LOGIN] };
    match (exchange::<2, _>(&mut io, greeting).await?, login) {
        ([VERSION, NO_LOGIN], _) => {}
        ([VERSION, WITH_LOGIN], Some(login)) => {
            let [_, verdict] = exchange::<2, _>(&mut io, &credentials(login)?).await?;
            if verdict != 0 {
                return Err(Why::Login);
            }
        }
        ([VERSION, _], _) => return Err(Why::Login),
        _ => return Err(Why::NoProxy),
    }
    let mut request = vec![VERSION, CONNECT, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend_from_slice(&address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend_from_slice(&address.octets());
        }
        Err(_) => {
            request.extend_from_slice(&[NAME, u8::try_from(host.len()).map_err(|_| Why::Name)?]);
            request.extend_from_slice(host.as_bytes());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    // The address in the answer is of no interest, but for its length.
    let length = match exchange::<4, _>(&mut io, &request).await? {
        [VERSION, 0, _, IPV4] => 4,
        [VERSION, 0, _, IPV6] => 16,
        [VERSION, 0, _, NAME] => usize::from(exchange::<1, _>(&mut io, &[]).await?[0]),
        [VERSION, code, ..] if code != 0 => return Err(Why::Socks(code)),
        _ => return Err(Why::NoProxy),
    };
    let mut rest = vec![0; length + 2];
    io.read_exact(&mut rest).await.map_err(|error| Why::of(&error))?;
    Ok(io.into_inner())
}

/// Sends a message and reads so many bytes of the answer.
async fn exchange<const N: usize, T: Read + Write + Unpin>(
    io: &mut TokioIo<T>,
    message: &[u8],
) -> Result<[u8; N], Why> {
    let mut answer = [0; N];
    io.write_all(message).await.map_err(|error| Why::of(&error))?;
    io.read_exact(&mut answer).await.map_err(|error| Why::of(&error))?;
    Ok(answer)
}

/// User and password, each of at most 255 bytes.
fn credentials(login: &Login) -> Result<Vec<u8>, Why> {
    let mut message = Vec::with_capacity(3 + 2 * 255);
    message.push(1);
    for part in [&login.user, &login.password] {
        message.push(u8::try_from(part.expose().len()).map_err(|_| Why::Login)?);
        message.extend_from_slice(part.expose().as_bytes());
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::DuplexStream;

    /// Runs a handshake against a proxy that answers each message in turn; what it was sent.
    fn run<F>(answers: &[&[u8]], shake: impl FnOnce(TokioIo<DuplexStream>) -> F) -> (Vec<u8>, Result<(), Why>)
    where
        F: Future<Output = Result<TokioIo<DuplexStream>, Why>>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (client, mut proxy) = tokio::io::duplex(64 * 1024);
            let serve = async {
                let mut seen = Vec::new();
                for answer in answers {
                    let mut chunk = [0; 4096];
                    let got = proxy.read(&mut chunk).await.unwrap();
                    seen.extend_from_slice(&chunk[..got]);
                    proxy.write_all(answer).await.unwrap();
                }
                proxy.shutdown().await.unwrap();
                seen
            };
            let (seen, result) = tokio::join!(serve, shake(TokioIo::new(client)));
            (seen, result.map(drop))
        })
    }

    fn connected(answer: &[u8]) -> Result<(), Why> {
        run(&[answer], |io| connect(io, "api.example", 6443, None)).1
    }

    #[test]
    fn a_tunnel() {
        let authorization = Secret::new("Basic eA==".to_owned());
        let (seen, result) = run(&[b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n"], |io| {
            connect(io, "fd00::1", 443, Some(&authorization))
        });
        assert_eq!(result, Ok(()));
        assert_eq!(
            String::from_utf8(seen).unwrap(),
            "CONNECT [fd00::1]:443 HTTP/1.1\r\nHost: [fd00::1]:443\r\nProxy-Authorization: Basic eA==\r\n\r\n"
        );
    }

    #[test]
    fn answers_to_connect() {
        let status = |code| Why::Answered(StatusCode::from_u16(code).unwrap());
        for (answer, expected) in [
            (&b"HTTP/1.0 200 Connection established\r\n\r\n"[..], Ok(())),
            (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", Err(Why::Login)),
            (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", Err(status(403))),
            (b"HTTP/1.1 503\r\n\r\n", Err(status(503))),
            (b"HTTP/1.1 nonsense\r\n\r\n", Err(status(502))),
            (b"HTTP/1.1 200 OK\r\n\r\nearly", Err(Why::NoProxy)),
            (b"HTTP/1.1 200 OK\r\nVia", Err(Why::BrokenOff)),
            (b"SSH-2.0-OpenSSH\r\n", Err(Why::NoProxy)),
            (b"\x15\x03\x01\x00\x02\x02\x46", Err(Why::NoProxy)),
            (b"", Err(Why::BrokenOff)),
        ] {
            assert_eq!(connected(answer), expected, "{}", answer.escape_ascii());
        }
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; 10_000]].concat();
        assert_eq!(connected(&endless), Err(Why::NoProxy));
    }

    fn login() -> Login {
        Login { user: Secret::new("me".to_owned()), password: Secret::new("pw".to_owned()) }
    }

    #[test]
    fn socks_by_name_with_a_login() {
        let login = login();
        let answers: [&[u8]; 3] = [&[5, 2], &[1, 0], &[5, 0, 0, 3, 1, b'x', 0, 80]];
        let (seen, result) = run(&answers, |io| socks(io, "a.example", 443, Some(&login)));
        assert_eq!(result, Ok(()));
        assert_eq!(seen, b"\x05\x02\x00\x02\x01\x02me\x02pw\x05\x01\x00\x03\x09a.example\x01\xbb");
    }

    #[test]
    fn socks_by_address_without_a_login() {
        for (host, request, answer) in [
            (
                "10.0.0.1",
                &b"\x05\x01\x00\x01\x0a\x00\x00\x01\x19\x2b"[..],
                [&[5, 0, 0, 1][..], &[0; 6]].concat(),
            ),
            (
                "::1",
                b"\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x19\x2b",
                [&[5, 0, 0, 4][..], &[0; 18]].concat(),
            ),
        ] {
            let (seen, result) = run(&[&[5, 0], &answer], |io| socks(io, host, 6443, None));
            assert_eq!((result, &seen[3..]), (Ok(()), request), "{host}");
        }
    }

    #[test]
    fn answers_of_socks() {
        let login = login();
        for (answers, with, expected) in [
            (&[&[5, 0xff][..]][..], None, Why::Login),
            (&[&[5, 2]], None, Why::Login),
            (&[&[5, 2], &[1, 1]], Some(&login), Why::Login),
            (&[&[4, 0]], None, Why::NoProxy),
            (&[b"HTTP/1.1 400 Bad Request\r\n\r\n"], None, Why::NoProxy),
            (&[&[5, 0], &[5, 2, 0, 1, 0, 0, 0, 0, 0, 0]], None, Why::Socks(2)),
            (&[&[5, 0], &[5, 0, 0, 9]], None, Why::NoProxy),
            (&[&[5, 0], &[5, 0, 0, 1, 0]], None, Why::BrokenOff),
            (&[&[5]], None, Why::BrokenOff),
        ] {
            assert_eq!(run(answers, |io| socks(io, "a", 1, with)).1, Err(expected), "{answers:?}");
        }
        let long = "a".repeat(256);
        assert_eq!(run(&[&[5, 0]], |io| socks(io, &long, 1, None)).1, Err(Why::Name));
        let long = Login { password: Secret::new(long), ..login };
        assert_eq!(run(&[&[5, 2]], |io| socks(io, "a", 1, Some(&long))).1, Err(Why::Login));
    }
}
