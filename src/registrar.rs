//! The demo's Architect flow: tells the gateway which case each new conversation is about.
//!
//! Genesys knows no cases. In a real organisation an Architect flow, or DCM itself, knows the case and
//! registers the conversation; without somebody in that part a demo would show conversations about
//! nothing. It works as any client does, through the public API alone: it follows the feed of
//! conversations that nobody has registered, and registers each.
//!
//! It keeps nothing. Which case a conversation is about follows from its id, so that a repeat after a
//! restart says the same and can't contradict itself; and a feed begun anew tells of all that still
//! wait for their registration.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::http_client;

/// Pause before a feed that ended is asked for again.
const RETRY: Duration = Duration::from_millis(500);
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

const UNREGISTERED: &str = "subscription Unregistered {
  conversationStatusChanged(filter: { registered: false, open: true }, includeCurrent: true) {
    conversationId membership conversation { direction }
  }
}";
const REGISTER: &str = "mutation Register($input: RegisterConversationInput!) {
  registerConversation(input: $input) { created }
}";
const LINK: &str = "mutation Link($input: LinkConversationInput!) {
  linkConversation(input: $input) { feedCursor }
}";

/// How many cases the demo's customers have.
const CASES: u64 = 240;
/// What cases are about; each subject comes back every so many cases.
const SUBJECTS: [&str; 16] = [
    "Parcel arrived damaged",
    "Invoice higher than agreed",
    "Router loses its connection",
    "Change of address",
    "Contract cancelled too early",
    "Water damage in the kitchen",
    "Refund not received",
    "Offer for twelve licences",
    "Second delivery attempt",
    "Login locked",
    "Storm damage to the roof",
    "Order never arrived",
    "Upgrade of the tariff",
    "Wrong item delivered",
    "Guarantee repair",
    "Direct debit returned",
];
const PARTIES: [&str; 6] = [
    "Nordwind Logistics",
    "Hafen Energy",
    "Alpenblick Hotels",
    "Rheintal Foods",
    "Birke & Sons",
    "Sonnenhof Clinic",
];

/// Registers conversations with the gateway at one address.
pub struct Registrar {
    http: reqwest::Client,
    graphql: String,
}

impl Registrar {
    pub fn new(gateway: &str) -> anyhow::Result<Self> {
        Ok(Self {
            http: http_client::builder(ANSWERED_WITHIN).build()?,
            graphql: format!("{gateway}/graphql"),
        })
    }

    /// Until the token is cancelled. A gateway that is away is asked again.
    pub async fn run(self, token: CancellationToken) -> anyhow::Result<()> {
        let following = async {
            loop {
                if let Err(error) = self.follow().await {
                    tracing::debug!(%error, "the feed of unregistered conversations broke off");
                }
                tokio::time::sleep(RETRY).await;
            }
        };
        token.run_until_cancelled(following).await;
        Ok(())
    }

    /// One stream of server-sent events, until it ends.
    async fn follow(&self) -> anyhow::Result<()> {
        let mut stream = self
            .http
            .post(&self.graphql)
            .timeout(Duration::MAX)
            .header("accept", "text/event-stream")
            .json(&json!({ "query": UNREGISTERED }))
            .send()
            .await?
            .error_for_status()?;
        let mut lines = Lines::default();
        while let Some(chunk) = stream.chunk().await? {
            for line in lines.take(&chunk) {
                if let Some(result) = line.strip_prefix("data: ") {
                    self.consider(&serde_json::from_str(result)?).await?;
                }
            }
        }
        Ok(())
    }

    async fn consider(&self, result: &Value) -> anyhow::Result<()> {
        let change = &result["data"]["conversationStatusChanged"];
        if change["membership"] == "LEFT" {
            return Ok(());
        }
        let id: Uuid = change["conversationId"]
            .as_str()
            .context("a change without a conversation")?
            .parse()?;
        let outbound = change["conversation"]["direction"] == "OUTBOUND";
        self.send(REGISTER, registration(id, outbound)).await?;
        if is_about_party(id) {
            self.send(LINK, link(id)).await?;
        }
        Ok(())
    }

    async fn send(&self, query: &str, input: Value) -> anyhow::Result<()> {
        let request = self.http.post(&self.graphql);
        let body = json!({ "query": query, "variables": { "input": input } });
        let answer: Value = request.json(&body).send().await?.json().await?;
        if let Some(errors) = answer.get("errors") {
            tracing::warn!(%errors, "the demo's registration was refused");
        }
        Ok(())
    }
}

/// What the flow knows of a conversation: who began it, about what, and the page for the agent.
fn registration(id: Uuid, outbound: bool) -> Value {
    let (key, context) = if is_about_party(id) {
        ("EXTERNALPARTY", party_of(id))
    } else {
        ("CASE", case_of(id))
    };
    json!({
        "conversationId": id,
        "initiatedBy": if outbound { "DCM" } else { "GENESYS" },
        "initialScreenPopTarget": key,
        "context": context,
    })
}

fn link(id: Uuid) -> Value {
    let mut link = case_of(id);
    link["conversationId"] = json!(id);
    link["verb"] = json!("UPDATED");
    link["description"] = json!("The open case of this party");
    link
}

/// One conversation in eight begins about a party, and only then is a case found for it.
fn is_about_party(id: Uuid) -> bool {
    chance(id).is_multiple_of(8)
}

fn case_of(id: Uuid) -> Value {
    let number = chance(id) / 8 % CASES;
    let subject = chosen(&SUBJECTS, number);
    json!({
        "key": "CASE",
        "objectId": (7001 + number).to_string(),
        "name": format!("C-2026-{} · {subject}", 4001 + number),
    })
}

fn party_of(id: Uuid) -> Value {
    let number = chance(id) / 8 % PARTIES.len() as u64;
    json!({
        "key": "EXTERNALPARTY",
        "objectId": (300 + number).to_string(),
        "name": chosen(&PARTIES, number),
    })
}

/// Conversation ids are random: their bits serve as dice.
fn chance(id: Uuid) -> u64 {
    id.as_u64_pair().0 >> 16
}

fn chosen(from: &[&'static str], number: u64) -> &'static str {
    let place = usize::try_from(number).unwrap_or(0);
    from[place % from.len()]
}

/// Whole lines out of pieces of any length.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn take(&mut self, piece: &[u8]) -> Vec<String> {
        self.0.extend_from_slice(piece);
        let Some(end) = self.0.iter().rposition(|byte| *byte == b'\n') else {
            return Vec::new();
        };
        let rest = self.0.split_off(end + 1);
        let whole = std::mem::replace(&mut self.0, rest);
        let text = String::from_utf8_lossy(&whole);
        text.lines().map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_conversation_is_always_about_the_same() {
        let id = Uuid::from_u128(0x3f0c_1a52_7c1e_4d0b_9a8e_2b6f_5d1c_9e70);
        assert_eq!(registration(id, false), registration(id, false));
        assert_eq!(registration(id, true)["initiatedBy"], "DCM");
    }

    #[test]
    fn lines_arrive_whole_however_they_were_cut() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"data: {\"a\""), Vec::<String>::new());
        assert_eq!(
            lines.take(b":1}\n\ndata: 2\nda"),
            ["data: {\"a\":1}", "", "data: 2"]
        );
        assert_eq!(lines.take(b"ta: 3\n"), ["data: 3"]);
    }
}
