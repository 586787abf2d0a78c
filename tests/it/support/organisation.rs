//! A simulated Genesys organisation and its control surface.

use std::net::SocketAddr;

use conversation_gateway::simulator::{Simulator, SimulatorConfig};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::eventually;
use super::process::{self, Process};

pub struct Organisation {
    pub address: SocketAddr,
    http: reqwest::Client,
    _life: Life,
}

/// What ends the organisation when it is dropped.
enum Life {
    Task { _stop: DropGuard },
    Process { _process: Process },
}

/// A step as the simulator's author wrote it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub status: String,
    /// `TEAM <queue>` or `USER <user>`.
    pub owner: Option<String>,
}

impl Organisation {
    pub async fn start() -> Self {
        Self::start_with(SimulatorConfig::for_tests()).await
    }

    pub async fn start_with(config: SimulatorConfig) -> Self {
        let token = CancellationToken::new();
        let simulator = Simulator::bind(config).await.expect("the simulator binds");
        let address = simulator.local_addr();
        tokio::task::spawn(simulator.serve(token.clone()));
        Self {
            address,
            http: super::client::http(),
            _life: Life::Task {
                _stop: token.drop_guard(),
            },
        }
    }

    /// In a process of its own, with flags of the command `simulate`.
    pub async fn start_process(flags: &[&str]) -> Self {
        let address = process::free_address();
        let process = process::simulator(address, flags);
        let organisation = Self {
            address,
            http: super::client::http(),
            _life: Life::Process { _process: process },
        };
        let url = format!("{}/sim/stats", organisation.url());
        eventually("the simulator answers", || async {
            organisation.http.get(&url).send().await.ok()
        })
        .await;
        organisation
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts a conversation; with a script it plays by itself.
    pub async fn begin(&self, conversation: Value) -> String {
        let created = self.post("/sim/conversations", conversation).await;
        created["id"]
            .as_str()
            .expect("the simulator names it")
            .to_owned()
    }

    pub async fn step(&self, id: &str, step: Value) -> Value {
        self.post(&format!("/sim/conversations/{id}/steps"), step)
            .await
    }

    pub async fn steps(&self, id: &str, steps: &[&str]) {
        for step in steps {
            self.step(id, json!({ "step": step })).await;
        }
    }

    pub async fn traffic(&self, wanted: Value) {
        self.post("/sim/traffic", wanted).await;
    }

    pub async fn fault(&self, fault: Value) {
        self.post("/sim/faults", fault).await;
    }

    /// Plays recorded notifications.
    pub async fn replay(&self, recorded: Value) {
        self.post("/sim/replay", recorded).await;
    }

    pub async fn heal(&self) {
        let answer = self
            .http
            .delete(format!("{}/sim/faults", self.url()))
            .send()
            .await;
        assert!(answer.expect("the simulator answers").status().is_success());
    }

    pub async fn truth(&self) -> Vec<Value> {
        let truth = self.get("/sim/truth").await;
        truth["conversations"].as_array().expect("a list").clone()
    }

    /// The names of the scripts that it can play.
    pub async fn scripts(&self) -> Vec<String> {
        let listed = self.get("/sim/scripts").await;
        let names = listed["scripts"].as_array().expect("a list");
        let name = |name: &Value| name.as_str().expect("a name").to_owned();
        names.iter().map(name).collect()
    }

    /// What the simulator has done so far, in numbers.
    pub async fn stats(&self) -> Value {
        self.get("/sim/stats").await
    }

    /// How often each call of the API was made.
    pub async fn calls(&self) -> Value {
        self.stats().await["calls"].clone()
    }

    /// Makes one more queue; its id.
    pub async fn add_queue(&self) -> Value {
        self.post("/sim/queues", json!({})).await["id"].clone()
    }

    /// What the gateway must show of a conversation: the steps that are tellable or heard,
    /// neighbours that say the same merged.
    pub async fn expected(&self, id: &str) -> Vec<Step> {
        let truth = self.get(&format!("/sim/truth?id={id}")).await;
        let conversation = &truth["conversations"][0];
        let mut steps: Vec<Step> = conversation["steps"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|step| step["tellable"] == true || step["heard"] == true)
            .map(|step| Step {
                status: step["status"].as_str().expect("a status").to_owned(),
                owner: step["owner"].as_object().map(|owner| {
                    format!(
                        "{} {}",
                        owner["kind"].as_str().unwrap(),
                        owner["id"].as_str().unwrap()
                    )
                }),
            })
            .collect();
        steps.dedup();
        steps
    }

    pub async fn has_ended(&self, id: &str) -> bool {
        let truth = self.get(&format!("/sim/truth?id={id}")).await;
        truth["conversations"][0]["ended"] == true
    }

    /// Asks the simulated API as a client of its own.
    pub async fn api(&self, path: &str) -> Value {
        let token = self.token().await;
        self.get_with(path, &token).await
    }

    pub async fn api_post(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.url())).json(&body);
        let answer = request.bearer_auth(self.token().await).send().await;
        let answer = answer.expect("it answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.expect("JSON")
    }

    async fn token(&self) -> String {
        let granted = self
            .http
            .post(format!("{}/oauth/token", self.url()))
            .basic_auth("simulator-client", Some("simulator-secret"))
            .form(&[("grant_type", "client_credentials")])
            .send()
            .await
            .expect("it answers");
        let granted: Value = granted.json().await.expect("JSON");
        granted["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    async fn get(&self, path: &str) -> Value {
        self.get_with(path, "").await
    }

    async fn get_with(&self, path: &str, token: &str) -> Value {
        let answer = self
            .http
            .get(format!("{}{path}", self.url()))
            .bearer_auth(token)
            .send()
            .await
            .expect("it answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.expect("JSON")
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.url());
        let answer = self
            .http
            .post(url)
            .json(&body)
            .send()
            .await
            .expect("it answers");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert!(status.is_success(), "{path} {body}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }
}
