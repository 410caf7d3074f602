//! The way to the API server is as short as the network allows: counted in connections and requests, not in time.

mod support;

use support::FakeApi;
use support::Helper;
use support::api::{account_path, secret_path};
use support::kubeconfig::Kubeconfig;

const SERVER: &str = "reg.example.com";

fn get(api: &FakeApi) -> Helper {
    Helper::get(SERVER).kubeconfig(&Kubeconfig::token(api))
}

#[test]
fn one_secret_is_one_connection_and_one_request() {
    let api = FakeApi::with_token();
    api.pull_secret("kubeclarity", "basic-regcred", &[(SERVER, "user")]);
    get(&api).run().answers_user(SERVER, "user");
    assert_eq!(api.paths(), [secret_path("kubeclarity", "basic-regcred")]);
    assert_eq!(api.connections(), 1);
}

#[test]
fn what_the_service_account_names_comes_over_the_connections_that_are_there() {
    // Two at the same time, then two at the same time: four round trips, two of them the connections' set-up.
    let api = FakeApi::with_token();
    api.service_account("scan", "scanner", &["a", "b"]);
    api.pull_secret("scan", "a", &[("other.example.com", "other")]);
    api.pull_secret("scan", "b", &[(SERVER, "user")]);
    api.waves(&[2, 2]);
    get(&api).env("KUBECLARITY_SERVICE_ACCOUNT", "scan/scanner").run().answers_user(SERVER, "user");
    assert_eq!(
        api.paths(),
        [
            secret_path("kubeclarity", "basic-regcred"),
            secret_path("scan", "a"),
            secret_path("scan", "b"),
            account_path("scan", "scanner"),
        ]
    );
    assert_eq!(api.connections(), 2, "a connection was set up in the middle");
}

#[test]
fn named_secrets_are_asked_for_side_by_side() {
    let api = FakeApi::with_token();
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        api.pull_secret("scan", name, &[(SERVER, name)]);
    }
    api.waves(&[6]);
    let list = names.map(|name| format!("scan/{name}")).join(",");
    get(&api).env("KUBECLARITY_PULL_SECRETS", list).run().answers_user(SERVER, "a");
    assert_eq!((api.requests().len(), api.connections()), (6, 6));
}
