//! A Docker credential helper for Kubernetes.
//!
//! The rooms, in the order in which data walks them: a [`command`] reads the [`protocol`], the [`cache`] may have the answer, else the [`resolver`]
//! asks each [`source`](mod@source) in turn, and a source asks the [`cluster`], a [`cloud`] with an [`identity`], or parses a [`docker_config`].
//! [`registry`], [`question`], [`finding`], [`settings`], [`secret`] and [`problem`] are words that all rooms use.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

#[macro_use]
pub mod shown;

pub mod cache;
pub mod command;
pub mod protocol;
pub mod resolver;
pub mod source;
pub mod supervisor;

pub mod body;
pub mod child;
pub mod cloud;
pub mod cluster;
pub mod docker_config;
pub mod file;
pub mod identity;
pub mod network;

pub mod credential;
pub mod date;
pub mod deadline;
pub mod ending;
pub mod finding;
pub mod log;
pub mod mounts;
pub mod problem;
pub mod question;
pub mod registry;
pub mod secret;
pub mod settings;
pub mod stack;
pub mod watch;
