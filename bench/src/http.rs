//! A small HTTP/1.1 client: the generator must cost less than the server it measures.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that is kept open.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A request, ready to be sent again and again.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    if !body.is_empty() {
        head.push_str("content-type: application/json\r\n");
    }
    format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A request whose body is a form.
pub(crate) fn form(path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let empty = request("POST", path, headers, "");
    let head = String::from_utf8_lossy(&empty).replace(
        "content-length: 0\r\n",
        &format!("content-length: {}\r\n", body.len()),
    );
    format!("{head}{body}").into_bytes()
}

/// Sends JSON and reads the answer's body; anything but success is an error.
pub(crate) async fn post(address: SocketAddr, path: &str, body: &str) -> anyhow::Result<String> {
    let mut connection = Connection::open(address).await?;
    connection.ask(&request("POST", path, &[], body)).await
}

/// The body of a GraphQL request.
pub(crate) fn graphql(query: &str, variables: &serde_json::Value) -> String {
    serde_json::json!({ "query": query, "variables": variables }).to_string()
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(64 * 1_024),
        })
    }

    /// Sends a request and reads the body of its answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> anyhow::Result<String> {
        let body = self.exchange(request).await?;
        Ok(String::from_utf8(self.buffer[body].to_vec())?)
    }

    /// What an exchange has found.
    pub(crate) fn answer(&self, body: std::ops::Range<usize>) -> &[u8] {
        &self.buffer[body]
    }

    /// Sends a request and waits for the whole answer, which must be a success.
    pub(crate) async fn exchange(
        &mut self,
        request: &[u8],
    ) -> anyhow::Result<std::ops::Range<usize>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await?;
            ensure!(read > 0, "the server closed the connection");
            if let Some(body) = body_of(&self.buffer)? {
                let status = self.buffer.get(9..12).context("no status")?;
                ensure!(
                    status.starts_with(b"2"),
                    "refused: {}",
                    String::from_utf8_lossy(&self.buffer)
                );
                return Ok(body);
            }
        }
    }
}

/// Where the body lies, once it is whole.
fn body_of(answer: &[u8]) -> anyhow::Result<Option<std::ops::Range<usize>>> {
    let Some(end) = memmem::find(answer, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = &answer[..end];
    let at = memmem::find(head, b"content-length: ");
    let Some(at) = at.map(|at| at + b"content-length: ".len()) else {
        return Ok(Some(end + 4..answer.len()));
    };
    let digits = head[at..].split(|byte| *byte == b'\r').next();
    let length: usize = std::str::from_utf8(digits.unwrap_or_default())?.parse()?;
    let body = end + 4..end + 4 + length;
    Ok((answer.len() >= body.end).then_some(body))
}
