//! What the tests share: the real program in a clean environment, an API server that demands what a real one
//! demands, certificates, files as a kubelet mounts them, and servers with faults. Loopback only, free ports.

#![allow(dead_code, unused_imports)] // each test file uses a part of it
#![allow(clippy::unwrap_used, clippy::expect_used)] // an expectation that fails here is how a test fails

pub mod api;
pub mod cached;
pub mod data;
pub mod fault;
pub mod helper;
pub mod http;
pub mod kubeconfig;
pub mod metadata;
pub mod mount;
pub mod proxy;
pub mod relay;
pub mod share;
pub mod shim;
pub mod tls;
pub mod writes;

pub use api::{Answer, FakeApi};
pub use helper::{Helper, Outcome, Running};
pub use metadata::Metadata;
