//! Connections: straight to a host or by its proxy, and only to this machine where a [`Door`](super::Door) leads nowhere
//! else. Every client of the program opens its connections here.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use super::address;
use super::fault::{Unreached, Why};
use super::handshake;
use super::proxy::{NoAddress, Proxies, Proxy, Scheme, Way};

type Pending<T> = Pin<Box<dyn Future<Output = Result<T, Unreached>> + Send>>;

/// How the way to a host is found.
#[derive(Debug, Clone)]
pub enum Ways {
    /// By the environment's variables.
    Environment(Arc<Proxies>),
    /// By one proxy, whatever the host: a kubeconfig's `proxy-url`.
    By(Arc<Proxy>),
    /// Directly, and only to this machine or one of the addresses of metadata servers. A name is resolved once, and the
    /// address that was checked is the one that is connected to.
    Here,
}

impl Ways {
    /// The way to an address.
    ///
    /// # Errors
    /// It leads by a proxy whose variable is no address.
    pub fn way(&self, to: &Uri) -> Result<Way, NoAddress> {
        match self {
            Ways::Environment(proxies) => proxies.way(to),
            Ways::By(proxy) => Ok(Way::By(Arc::clone(proxy))),
            Ways::Here => Ok(Way::Direct),
        }
    }
}

/// Opens connections to hosts or to their proxies.
#[derive(Debug, Clone)]
pub struct Connector {
    tcp: HttpConnector<Resolver>,
    ways: Ways,
    /// For proxies that are reached over TLS.
    tls: Option<Arc<rustls::ClientConfig>>,
}

impl Connector {
    /// A connector. Without `tls` there is no way by a proxy over TLS.
    pub fn new(ways: Ways, tls: Option<Arc<rustls::ClientConfig>>, limit: Duration) -> Connector {
        let mut tcp = HttpConnector::new_with_resolver(Resolver { here: matches!(ways, Ways::Here) });
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Divided among the addresses of a name, so that one which swallows packets does not hide the others.
        tcp.set_connect_timeout(Some(limit));
        Connector { tcp, ways, tls }
    }

    async fn open(mut self, to: Uri) -> Result<Stream, Unreached> {
        let host = to.host().unwrap_or_default().trim_matches(['[', ']']);
        if matches!(self.ways, Ways::Here)
            && host.parse::<IpAddr>().is_ok_and(|address| !address::is_here(address))
        {
            return Err(Unreached { by: None, why: Why::Elsewhere });
        }
        match self.ways.way(&to) {
            Err(NoAddress { .. }) => Err(Unreached { by: None, why: Why::NoProxyAddress }),
            Ok(Way::Direct) => {
                let io =
                    self.tcp.call(to).await.map_err(|error| Unreached { by: None, why: Why::of(&error) })?;
                Ok(Stream { io: MaybeHttpsStream::Http(io), absolute: false })
            }
            Ok(Way::By(proxy)) => {
                let failed = |why| Unreached { by: Some(Arc::clone(&proxy)), why };
                self.by(&proxy, &to).await.map_err(failed)
            }
        }
    }

    async fn by(&mut self, proxy: &Proxy, to: &Uri) -> Result<Stream, Why> {
        let address = proxy.uri().ok_or(Why::NoProxyAddress)?;
        let mut io = match proxy.scheme {
            Scheme::Https => {
                let tls = self.tls.clone().ok_or(Why::NoProxyAddress)?;
                let mut connector = HttpsConnector::from((self.tcp.clone(), tls));
                connector.call(address).await.map_err(|error| Why::of(error.as_ref()))?
            }
            Scheme::Http | Scheme::Socks => {
                let io = self.tcp.call(address).await.map_err(|error| Why::of(&error))?;
                MaybeHttpsStream::Http(io)
            }
        };
        let secure = to.scheme_str() == Some("https");
        let host = to.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = to.port_u16().unwrap_or(if secure { 443 } else { 80 });
        match proxy.scheme {
            Scheme::Socks => io = handshake::socks(io, host, port, proxy.login.as_ref()).await?,
            // Without TLS the proxy is given the whole address of each request instead.
            _ if !secure => return Ok(Stream { io, absolute: true }),
            _ => io = handshake::connect(io, host, port, proxy.authorization().as_ref()).await?,
        }
        Ok(Stream { io, absolute: false })
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = Unreached;
    type Future = Pending<Stream>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unreached>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        Box::pin(self.clone().open(to))
    }
}

/// A [`Connector`] with TLS to the host, and one limit for all of it.
#[derive(Clone)]
pub struct Dialer {
    https: HttpsConnector<Connector>,
    ways: Ways,
    limit: Duration,
}

impl Dialer {
    /// Wraps TLS around a connector.
    pub fn new(connector: Connector, tls: Arc<rustls::ClientConfig>, limit: Duration) -> Dialer {
        let ways = connector.ways.clone();
        Dialer::with(HttpsConnector::from((connector, tls)), ways, limit)
    }

    /// The same, with TLS that is set up already.
    pub fn with(https: HttpsConnector<Connector>, ways: Ways, limit: Duration) -> Dialer {
        Dialer { https, ways, limit }
    }
}

impl Service<Uri> for Dialer {
    type Response = MaybeHttpsStream<Stream>;
    type Error = Unreached;
    type Future = Pending<MaybeHttpsStream<Stream>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unreached>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let by = match self.ways.way(&to) {
            Ok(Way::By(proxy)) => Some(proxy),
            _ => None,
        };
        let (connecting, limit) = (self.https.call(to), self.limit);
        Box::pin(async move {
            match timeout(limit, connecting).await {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(error)) => Err(match error.downcast::<Unreached>() {
                    Ok(unreached) => *unreached,
                    Err(error) => Unreached { by, why: Why::of(error.as_ref()) },
                }),
                Err(_) => Err(Unreached { by, why: Why::Slow }),
            }
        })
    }
}

/// Resolves names; where a connection must stay on this machine, addresses elsewhere are left out.
#[derive(Debug, Clone)]
struct Resolver {
    here: bool,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Unreached;
    type Future = Pending<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unreached>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let here = self.here;
        Box::pin(async move {
            let name = name.as_str();
            let found = tokio::net::lookup_host((name, 0)).await;
            let found = found.map(Iterator::collect::<Vec<_>>);
            if !here {
                let found = found.map_err(|_| Unreached { by: None, why: Why::Name });
                return found.map(Vec::into_iter);
            }
            let why = if found.is_ok() { Why::Elsewhere } else { Why::Name };
            let mut addresses = found.unwrap_or_default();
            addresses.retain(|address| address::is_here(address.ip()));
            if addresses.is_empty() {
                let known = address::of_metadata_server(name);
                addresses.extend(known.iter().map(|address| SocketAddr::new(*address, 0)));
            }
            if addresses.is_empty() {
                return Err(Unreached { by: None, why });
            }
            Ok(addresses.into_iter())
        })
    }
}

/// A connection to a host or to its proxy.
pub struct Stream {
    io: MaybeHttpsStream<TokioIo<TcpStream>>,
    /// Whether the proxy is given the whole address with each request.
    absolute: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.absolute)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, buffers)
    }
}
