//! The shipped program in a process of its own: the gateway, or the simulator.

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tokio::net::TcpStream;

use super::eventually;
use super::organisation::Organisation;

/// A running program; dropped, it is killed: nothing is finished, nothing is said.
pub struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program of this build, or that of `GATEWAY_BIN`.
fn program() -> OsString {
    let built = || env!("CARGO_BIN_EXE_conversation-gateway").into();
    std::env::var_os("GATEWAY_BIN").unwrap_or_else(built)
}

/// An address that nobody listens on.
pub fn free_address() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("an address")
}

/// A gateway that follows the organisation, with its database in `data`, once it listens.
pub async fn gateway(
    organisation: &Organisation,
    data: &Path,
    address: SocketAddr,
    flags: &[&str],
) -> Process {
    let (listen, url) = (address.to_string(), organisation.url());
    let data = data.to_str().expect("UTF-8");
    let fixed = [
        ["--listen", &listen],
        ["--data-dir", data],
        ["--genesys-api-url", &url],
        ["--genesys-login-url", &url],
        ["--genesys-client-id", "simulator-client"],
        ["--genesys-client-secret", "simulator-secret"],
    ];
    let all = [
        &["serve", "--insecure-no-auth"],
        fixed.as_flattened(),
        flags,
    ];
    let process = start(&all.concat());
    eventually("the gateway listens", || async {
        TcpStream::connect(address).await.ok()
    })
    .await;
    process
}

/// A simulated organisation.
pub fn simulator(address: SocketAddr, flags: &[&str]) -> Process {
    let port = address.port().to_string();
    start(&[&["simulate", "--port", &port], flags].concat())
}

/// Runs the program with these variables and none of the test's, until it ends.
pub fn outcome(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(program())
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the program starts")
}

fn start(arguments: &[&str]) -> Process {
    let child = Command::new(program())
        .args(arguments)
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn();
    Process(child.expect("the program starts"))
}
