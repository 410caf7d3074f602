//! Where credentials are found. A source is given a [`Question`](crate::question::Question) and returns a
//! [`Finding`](crate::finding::Finding). Sources do not know their order, nor what a failure means for the answer: that is
//! the resolver's.

pub mod ci_env;
pub mod cloud_env;
pub mod cloud_secrets;
pub mod docker_env;
pub mod mounted;
pub mod pull_secrets;
pub mod stored;
