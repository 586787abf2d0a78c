use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::*;
use crate::auth::config::tests::config;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const NOW: i64 = 1_800_000_000;

/// A clock that stands still until it is set.
struct Standing(AtomicI64);

impl Clock for Standing {
    fn now(&self) -> Time {
        Time::from_millis(self.0.load(Ordering::Relaxed))
    }
}

fn clock() -> Arc<Standing> {
    Arc::new(Standing(AtomicI64::new(NOW * 1_000)))
}

fn tokens(flags: &[&str], clock: Arc<Standing>) -> Tokens {
    Tokens::new(&config(flags), clock).unwrap()
}

fn claims(more: &Value) -> Value {
    let mut all = json!({
        "sub": "anna", "exp": NOW + 60, "iss": "issuer", "aud": ["other", "gateway"],
        "scope": "conversations:read",
    });
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            all.as_object_mut().unwrap().remove(name);
        } else {
            all[name] = value.clone();
        }
    }
    all
}

fn signed(algorithm: Algorithm, key: &EncodingKey, id: Option<&str>, more: &Value) -> String {
    let mut header = Header::new(algorithm);
    header.kid = id.map(str::to_owned);
    encode(&header, &claims(more), key).unwrap()
}

fn by_secret(more: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    signed(Algorithm::HS256, &key, None, more)
}

async fn refusal(tokens: &Tokens, token: &str) -> String {
    match tokens.pass(token, &Teams::default()).await {
        Err(Refused::Unauthenticated(text)) => text.into_owned(),
        Err(Refused::Unavailable) => "unavailable".to_owned(),
        Ok(pass) => panic!("let in: {pass:?}"),
    }
}

async fn holds(tokens: &Tokens, token: &str) -> bool {
    tokens.pass(token, &Teams::default()).await.is_ok()
}

#[tokio::test]
async fn a_token_holds_only_with_everything_right() {
    let flags = [
        "--jwt-secret",
        SECRET,
        "--jwt-issuer",
        "issuer",
        "--jwt-audience",
        "gateway",
    ];
    let tokens = tokens(&flags, clock());
    let pass = tokens
        .pass(&by_secret(&json!({})), &Teams::default())
        .await
        .unwrap();
    assert_eq!(&*pass.caller.subject, "anna");
    assert_eq!(pass.caller.permissions.to_string(), "conversations:read");
    assert_eq!(
        pass.validity.expires_at(),
        Some(Time::from_millis((NOW + 60) * 1_000))
    );
    for (more, why) in [
        (json!({ "iss": "another" }), "issuer"),
        (json!({ "iss": null }), "lacks"),
        (json!({ "aud": "another" }), "audience"),
        (json!({ "aud": null }), "lacks"),
        (json!({ "exp": null }), "does not hold"),
        (json!({ "exp": "tomorrow" }), "does not hold"),
        (json!({ "exp": NOW - 4 }), "expired"),
        (json!({ "nbf": NOW + 4 }), "not hold yet"),
        (json!({ "sub": null }), "subject"),
        (json!({ "queues": "q1" }), "queues or teams"),
    ] {
        let text = refusal(&tokens, &by_secret(&more)).await;
        assert!(text.contains(why), "{more}: {text}");
    }
    // The clocks may differ by three seconds.
    for more in [json!({ "exp": NOW - 2 }), json!({ "nbf": NOW + 2 })] {
        assert!(holds(&tokens, &by_secret(&more)).await, "{more}");
    }
}

#[tokio::test]
async fn nobody_signs_with_another_key_or_none() {
    let tokens = tokens(&["--jwt-secret", SECRET], clock());
    let other = EncodingKey::from_secret(b"ffffffffffffffffffffffffffffffff");
    let forged = signed(Algorithm::HS256, &other, None, &json!({}));
    assert!(refusal(&tokens, &forged).await.contains("signature"));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let stronger = signed(Algorithm::HS512, &key, None, &json!({}));
    assert!(
        refusal(&tokens, &stronger)
            .await
            .contains("signed in a way")
    );
    let base64 = |value: Value| {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
    };
    let unsigned = format!(
        "{}.{}.",
        base64(json!({ "alg": "none" })),
        base64(claims(&json!({})))
    );
    let good = by_secret(&json!({}));
    let (front, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = front.split_once('.').unwrap();
    let altered = format!(
        "{header}.{}.{signature}",
        base64(claims(&json!({ "scope": "admin" })))
    );
    for token in [
        unsigned.as_str(),
        &altered,
        "",
        "x",
        "a.b.c",
        &"x".repeat(20_000),
    ] {
        refusal(&tokens, token).await;
    }
    assert!(holds(&tokens, &good).await);
}

#[tokio::test]
async fn a_token_that_was_remembered_expires_all_the_same() {
    let clock = clock();
    let tokens = tokens(&["--jwt-secret", SECRET], Arc::clone(&clock));
    let token = by_secret(&json!({}));
    assert!(holds(&tokens, &token).await);
    clock.0.store((NOW + 70) * 1_000, Ordering::Relaxed);
    assert!(refusal(&tokens, &token).await.contains("expired"));
}

/// An issuer who publishes the keys it is given.
struct Issuer {
    url: String,
    keys: Arc<std::sync::Mutex<Vec<Value>>>,
    asked: Arc<AtomicUsize>,
    _server: JoinSet<()>,
}

impl Issuer {
    async fn open(keys: Vec<Value>) -> Self {
        let keys = Arc::new(std::sync::Mutex::new(keys));
        let asked = Arc::new(AtomicUsize::new(0));
        let (published, count) = (Arc::clone(&keys), Arc::clone(&asked));
        let answer = move || {
            count.fetch_add(1, Ordering::SeqCst);
            let keys = published.lock().unwrap().clone();
            async move { axum::Json(json!({ "keys": keys })) }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move {
            axum::serve(listener, Router::new().route("/keys", get(answer)))
                .await
                .unwrap();
        });
        Self {
            url,
            keys,
            asked,
            _server: server,
        }
    }

    fn tokens(&self, cooldown: &str) -> Tokens {
        let flags = [
            "--jwt-jwks-url",
            &self.url,
            "--jwt-issuer",
            "issuer",
            "--jwt-audience",
            "gateway",
            "--jwks-cooldown",
            cooldown,
        ];
        tokens(&flags, clock())
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

struct Signer {
    id: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    fn all() -> [Self; 3] {
        let rsa = EncodingKey::from_rsa_pem(include_bytes!("test_keys/rsa.pem")).unwrap();
        let ec = EncodingKey::from_ec_pem(include_bytes!("test_keys/ec.pem")).unwrap();
        let ed = EncodingKey::from_ed_pem(include_bytes!("test_keys/ed.pem")).unwrap();
        [
            Self {
                id: "rsa",
                algorithm: Algorithm::RS256,
                key: rsa,
            },
            Self {
                id: "ec",
                algorithm: Algorithm::ES256,
                key: ec,
            },
            Self {
                id: "ed",
                algorithm: Algorithm::EdDSA,
                key: ed,
            },
        ]
    }

    fn published(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        serde_json::to_value(jwk).unwrap()
    }

    fn token(&self) -> String {
        signed(self.algorithm, &self.key, Some(self.id), &json!({}))
    }
}

#[tokio::test]
async fn published_keys_verify_their_three_algorithms() {
    let signers = Signer::all();
    let issuer = Issuer::open(signers.iter().map(Signer::published).collect()).await;
    let tokens = issuer.tokens("10s");
    for signer in &signers {
        assert!(holds(&tokens, &signer.token()).await, "{}", signer.id);
        assert!(holds(&tokens, &signer.token()).await, "{} again", signer.id);
    }
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_public_key_is_no_secret_to_sign_with() {
    let signers = Signer::all();
    let published = signers[0].published();
    let issuer = Issuer::open(vec![published.clone()]).await;
    let tokens = issuer.tokens("10s");
    // The classic confusion: HS256 with what everybody can read.
    for secret in [
        published["n"].as_str().unwrap(),
        include_str!("test_keys/rsa.pem"),
    ] {
        let key = EncodingKey::from_secret(secret.as_bytes());
        let token = signed(Algorithm::HS256, &key, Some("rsa"), &json!({}));
        assert!(refusal(&tokens, &token).await.contains("signed in a way"));
    }
}

#[tokio::test]
async fn a_rotation_is_noticed_by_the_first_token_and_asked_for_seldom() {
    let [rsa, ec, ed] = Signer::all();
    let issuer = Issuer::open(vec![rsa.published()]).await;
    let tokens = issuer.tokens("0ms");
    assert!(holds(&tokens, &rsa.token()).await);
    issuer.keys.lock().unwrap().push(ec.published());
    assert!(holds(&tokens, &ec.token()).await);
    assert_eq!(issuer.asked(), 2);

    // Unknown keys, again and again, make it ask once in the cooldown.
    let tokens = issuer.tokens("1h");
    let before = issuer.asked();
    for _ in 0..20 {
        assert!(refusal(&tokens, &ed.token()).await.contains("unknown key"));
    }
    assert_eq!(issuer.asked() - before, 1);
    assert!(holds(&tokens, &rsa.token()).await);
}

#[tokio::test]
async fn tokens_of_a_withdrawn_key_hold_no_longer() {
    let [rsa, ec, _] = Signer::all();
    let issuer = Issuer::open(vec![rsa.published(), ec.published()]).await;
    let tokens = issuer.tokens("0ms");
    assert!(holds(&tokens, &rsa.token()).await);
    issuer.keys.lock().unwrap().remove(0);
    tokens.refresh_keys().await;
    assert!(refusal(&tokens, &rsa.token()).await.contains("unknown key"));
    assert!(holds(&tokens, &ec.token()).await);
}

#[tokio::test]
async fn a_key_that_was_exchanged_holds_no_longer_once_a_token_of_the_next_comes() {
    let [rsa, ec, _] = Signer::all();
    let issuer = Issuer::open(vec![rsa.published()]).await;
    let tokens = issuer.tokens("0ms");
    assert!(holds(&tokens, &rsa.token()).await);
    *issuer.keys.lock().unwrap() = vec![ec.published()];
    assert!(holds(&tokens, &ec.token()).await);
    assert!(refusal(&tokens, &rsa.token()).await.contains("unknown key"));
    assert!(holds(&tokens, &ec.token()).await);
}

#[tokio::test]
async fn the_secret_outlives_the_issuers_keys() {
    let [rsa, ec, _] = Signer::all();
    let issuer = Issuer::open(vec![rsa.published()]).await;
    let flags = ["--jwt-jwks-url", &issuer.url, "--jwt-secret", SECRET];
    let more = ["--jwt-issuer", "issuer", "--jwt-audience", "gateway"];
    let tokens = tokens(&[&flags[..], &more].concat(), clock());
    tokens.refresh_keys().await;
    assert!(holds(&tokens, &by_secret(&json!({}))).await);
    *issuer.keys.lock().unwrap() = vec![ec.published()];
    tokens.refresh_keys().await;
    assert!(holds(&tokens, &by_secret(&json!({}))).await);
}

#[tokio::test]
async fn an_issuer_out_of_reach_makes_nobody_a_stranger() {
    let [rsa, ..] = Signer::all();
    let flags = [
        "--jwt-jwks-url",
        "http://127.0.0.1:1/keys",
        "--jwt-issuer",
        "issuer",
        "--jwt-audience",
        "gateway",
    ];
    assert_eq!(
        refusal(&tokens(&flags, clock()), &rsa.token()).await,
        "unavailable"
    );

    let issuer = Issuer::open(vec![rsa.published()]).await;
    let tokens = issuer.tokens("0ms");
    assert!(holds(&tokens, &rsa.token()).await);
    // Nothing usable is published any more: that is the issuer's word. No answer is not.
    drop(issuer);
    tokens.refresh_keys().await;
    assert!(holds(&tokens, &rsa.token()).await);
}
