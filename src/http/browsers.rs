//! What web pages of other origins may do here: nothing, unless the operator names them.

use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, request};
use axum::middleware::Next;
use axum::response::Response;
use std::net::IpAddr;
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::negotiation::names_an_offer;
use super::response::misdirected;

const PREFLIGHT_AGE: Duration = Duration::from_hours(1);
/// Headers that a browser does not send to another origin without asking it first.
const UNASKED_NEVER: [HeaderName; 4] = [
    AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-requested-with"),
    HeaderName::from_static("apollo-require-preflight"),
];

/// The origins whose pages are welcome beside the gateway's own.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(Vec<HeaderValue>);

impl Origins {
    pub(super) fn new(allowed: &[String]) -> Self {
        let values = allowed.iter().filter_map(|origin| {
            let plain = origin.trim_end_matches('/').to_ascii_lowercase();
            HeaderValue::try_from(plain).ok()
        });
        Self(values.collect())
    }

    /// Whether the page that sent these headers is one of ours. Programs name no origin.
    pub(super) fn welcome(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else {
            return true;
        };
        self.lists(origin) || is_own(origin, headers.get(HOST))
    }

    /// Whether a page of another origin could have made a browser send this GET without being asked:
    /// by a script, a link, an image, a form. Browsers tell where a request is from and what for;
    /// programs tell nothing of the kind and are answered.
    pub(super) fn may_be_forged(&self, headers: &HeaderMap) -> bool {
        let is_json = headers
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        if is_json || UNASKED_NEVER.iter().any(|name| headers.contains_key(name)) {
            return false;
        }
        let elsewhere = headers
            .get("sec-fetch-site")
            .is_some_and(|site| site == "cross-site" || site == "same-site");
        let named = headers.get(ORIGIN).is_some_and(|origin| self.lists(origin));
        let for_a_page = headers
            .get("sec-fetch-dest")
            .is_some_and(|destination| destination != "empty");
        for_a_page || wants_other_types(headers) || (elsewhere && !named) || !self.welcome(headers)
    }

    /// Whether the host that a request names can't be another's. A page may have its own name lead
    /// here, and be of the same origin as the gateway then; no name of these can do that. Who names
    /// none is no browser.
    fn knows_host(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(HOST) else {
            return true;
        };
        let Ok(authority) = Authority::try_from(host.as_bytes()) else {
            return false;
        };
        let host = authority.host();
        is_local(host) || self.0.iter().any(|origin| is_of(origin, host))
    }

    fn lists(&self, origin: &HeaderValue) -> bool {
        let is_it = |allowed: &HeaderValue| {
            allowed == "*" || allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes())
        };
        self.0.iter().any(is_it)
    }

    /// Answers preflights, if there is an origin whose pages may call.
    pub(super) fn cors(&self) -> Option<CorsLayer> {
        if self.0.is_empty() {
            return None;
        }
        let origins = self.clone();
        let allowed = AllowOrigin::predicate(move |origin: &HeaderValue, _: &request::Parts| {
            origins.lists(origin)
        });
        let headers = [
            "x-api-key",
            "x-request-id",
            "last-event-id",
            "gateway-at-least",
        ];
        let mut headers: Vec<_> = headers.map(HeaderName::from_static).into();
        headers.extend([CONTENT_TYPE, AUTHORIZATION]);
        let layer = CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers(headers)
            .expose_headers(["x-request-id", "retry-after"].map(HeaderName::from_static))
            .max_age(PREFLIGHT_AGE);
        Some(layer)
    }
}

/// Refuses what names a host that others may have led here: where everybody is let in, nothing else
/// tells a foreign page from the gateway's own.
pub(super) async fn check_host(
    State(origins): State<Origins>,
    request: Request,
    next: Next,
) -> Response {
    if origins.knows_host(request.headers()) {
        next.run(request).await
    } else {
        misdirected()
    }
}

/// An address, or a name that always leads back to the machine itself.
fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    bare.parse::<IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost")
}

/// Whether the host is that of an allowed origin, or every origin is allowed.
fn is_of(origin: &HeaderValue, host: &str) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let named = authority.and_then(|authority| authority.parse::<Authority>().ok());
    origin == "*" || named.is_some_and(|named| named.host().eq_ignore_ascii_case(host))
}

/// The same host and port. The scheme is not compared: a proxy may have ended TLS.
fn is_own(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let (Ok(origin), Some(Ok(host))) = (origin.to_str(), host.map(HeaderValue::to_str)) else {
        return false;
    };
    let own = origin.split_once("://").map(|(_, authority)| authority);
    own.is_some_and(|own| own.eq_ignore_ascii_case(host))
}

/// Browsers list what they can show; who accepts anything, or names what is offered, does not browse.
fn wants_other_types(headers: &HeaderMap) -> bool {
    let anything = |accept: &HeaderValue| accept == "*/*" || accept == "application/*";
    !headers.get_all(ACCEPT).iter().all(anything) && !names_an_offer(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        pairs.collect()
    }

    #[test]
    fn pages_of_the_gateway_and_of_named_origins_are_welcome() {
        let named = Origins::new(&["https://DCM.example/".into()]);
        for (origin, expected) in [
            ("https://dcm.example", true),
            ("http://gateway.example:8080", true),
            ("https://gateway.example:8080", true),
            ("http://gateway.example", false),
            ("https://evil.example", false),
            ("https://dcm.example.evil.example", false),
            ("null", false),
        ] {
            let headers = headers(&[("host", "gateway.example:8080"), ("origin", origin)]);
            assert_eq!(named.welcome(&headers), expected, "{origin}");
        }
        assert!(named.welcome(&HeaderMap::new()));
        assert!(Origins::new(&["*".into()]).welcome(&headers(&[("origin", "null")])));
        assert!(Origins::default().cors().is_none());
    }

    #[test]
    fn a_host_is_known_that_no_other_page_can_have() {
        let origins = Origins::new(&["https://dcm.example:8443".into()]);
        for (host, expected) in [
            ("127.0.0.1:8080", true),
            ("192.168.0.7", true),
            ("[::1]:8080", true),
            ("localhost:8080", true),
            ("LocalHost.", true),
            ("demo.localhost", true),
            ("DCM.example", true),
            ("dcm.example:8080", true),
            ("evil.example:8080", false),
            ("dcm.example.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("notlocalhost", false),
            ("", false),
            ("a b", false),
        ] {
            let headers = headers(&[("host", host)]);
            assert_eq!(origins.knows_host(&headers), expected, "{host}");
        }
        assert!(origins.knows_host(&HeaderMap::new()));
        let anyone = Origins::new(&["*".into()]);
        assert!(anyone.knows_host(&headers(&[("host", "evil.example")])));
    }

    #[test]
    fn requests_that_any_page_can_cause_are_told_apart() {
        let origins = Origins::new(&["http://good.example".into()]);
        for (sent, forged) in [
            (&[][..], false),
            (&[("accept", "*/*")], false),
            (&[("accept", "text/html,*/*;q=0.8")], true),
            (&[("accept", "image/avif,image/webp,*/*")], true),
            (&[("accept", "application/json")], false),
            (
                &[("accept", "application/graphql-response+json, */*;q=0.1")],
                false,
            ),
            (&[("accept", "text/event-stream")], false),
            (
                &[
                    ("sec-fetch-dest", "image"),
                    ("sec-fetch-site", "same-origin"),
                ],
                true,
            ),
            (
                &[("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")],
                false,
            ),
            (&[("accept", "*/*"), ("sec-fetch-site", "cross-site")], true),
            (
                &[("accept", "*/*"), ("content-type", "application/json")],
                false,
            ),
            (&[("accept", "*/*"), ("content-type", "text/plain")], false),
            (
                &[
                    ("accept", "application/json"),
                    ("origin", "http://evil.example"),
                ],
                true,
            ),
            (
                &[
                    ("accept", "application/json"),
                    ("origin", "http://good.example"),
                    ("sec-fetch-site", "cross-site"),
                ],
                false,
            ),
            (&[("accept", "*/*"), ("authorization", "Bearer x")], false),
            (
                &[("accept", "*/*"), ("apollo-require-preflight", "true")],
                false,
            ),
            (
                &[
                    ("accept", "application/json"),
                    ("sec-fetch-site", "cross-site"),
                ],
                true,
            ),
            (
                &[
                    ("accept", "application/json"),
                    ("sec-fetch-site", "same-origin"),
                ],
                false,
            ),
            (
                &[
                    ("accept", "text/event-stream"),
                    ("sec-fetch-site", "same-site"),
                ],
                true,
            ),
        ] {
            assert_eq!(origins.may_be_forged(&headers(sent)), forged, "{sent:?}");
        }
    }
}
