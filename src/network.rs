//! Requests that leave this machine: which client a destination is reached with, and its limits.

pub mod aws_client;
pub mod http;
