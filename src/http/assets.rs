//! The web demo and GraphiQL: static files that are part of the binary. Every file comes from here,
//! so both work without the internet.

use std::borrow::Cow;

use axum::extract::State;
use axum::http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rust_embed::RustEmbed;

use super::envelope::CORP;
use super::{Front, HttpConfig};

/// Files whose names hold a hash of their content; the build puts them here.
const HASHED: &str = "assets/";
const DEMO_PAGE: &str = "index.html";
const GRAPHIQL_PAGES: [&str; 2] = ["graphiql.html", "graphiql/index.html"];
/// The custom element, for pages of any origin.
const BADGE: &str = "badge.js";
/// The one page with a name of its own, and where the demo's pages read what they may call.
const BADGE_EXAMPLE: (&str, &str) = ("badge-example", "badge-example.html");
const SETTINGS: &str = "web-demo.json";
const NOT_BUILT: &str = "This page has not been built into the gateway.\n\
    Run `npm ci && npm run build` in web-demo, then build the gateway again.\n";

#[derive(RustEmbed)]
#[folder = "web-demo/dist"]
#[allow_missing = true]
struct WebDemo;

struct Asset {
    content: Cow<'static, [u8]>,
    hash: [u8; 32],
}

pub(super) struct Assets {
    file: fn(&str) -> Option<Asset>,
    serves_demo: bool,
    policy: HeaderValue,
    /// For the demo's pages: the origins beside this one that they may call.
    settings: String,
}

pub(super) async fn graphiql<E>(State(front): State<Front<E>>, headers: HeaderMap) -> Response {
    front.shared.assets.graphiql(&headers)
}

/// Everything that no other route answers.
pub(super) async fn page<E>(
    State(front): State<Front<E>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::NOT_FOUND.into_response();
    }
    front.shared.assets.page(uri.path(), &headers)
}

impl Assets {
    pub(super) fn embedded(config: &HttpConfig) -> Self {
        let file = |path: &str| {
            let file = WebDemo::get(path)?;
            Some(Asset {
                content: file.data,
                hash: file.metadata.sha256_hash(),
            })
        };
        Self {
            file,
            serves_demo: config.web_demo,
            policy: policy(&config.web_demo_connect),
            settings: settings(&config.web_demo_connect),
        }
    }

    fn graphiql(&self, headers: &HeaderMap) -> Response {
        GRAPHIQL_PAGES
            .iter()
            .find_map(|page| self.serve(page, headers))
            .unwrap_or_else(|| not_found(NOT_BUILT))
    }

    fn page(&self, path: &str, headers: &HeaderMap) -> Response {
        let path = path.trim_start_matches('/');
        if self.serves_demo && path == SETTINGS {
            return self.settings();
        }
        let path = if path == BADGE_EXAMPLE.0 {
            BADGE_EXAMPLE.1
        } else {
            path
        };
        let is_demo = path.is_empty() || path == DEMO_PAGE;
        if !is_demo && let Some(file) = self.serve(path, headers) {
            return file;
        }
        let wants_page = path.is_empty() || (accepts_html(headers) && !path.starts_with(HASHED));
        if !self.serves_demo || !(is_demo || wants_page) {
            return not_found("There is nothing here.\n");
        }
        self.serve(DEMO_PAGE, headers)
            .unwrap_or_else(|| not_found(NOT_BUILT))
    }

    fn serve(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let asset = (self.file)(path)?;
        let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&asset.hash[..16]));
        let tag = HeaderValue::try_from(tag).expect("base64 is plain");
        let caching = if path.starts_with(HASHED) {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let known = headers
            .get(IF_NONE_MATCH)
            .is_some_and(|known| matches_tag(known, &tag));
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            (
                [(CONTENT_TYPE, content_type(path))],
                asset.content.into_owned(),
            )
                .into_response()
        };
        let answer = response.headers_mut();
        answer.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
        answer.insert(ETAG, tag);
        answer.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        if path == BADGE {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            answer.insert(CORP, HeaderValue::from_static("cross-origin"));
        }
        Some(response)
    }

    fn settings(&self) -> Response {
        let headers = [
            (CONTENT_TYPE, "application/json"),
            (CACHE_CONTROL, "no-store"),
        ];
        (headers, self.settings.clone()).into_response()
    }
}

fn settings(connect: &[String]) -> String {
    serde_json::json!({ "connect": connect }).to_string()
}

/// Pages run nothing but the gateway's own files. Styles may be inline because the editor of GraphiQL
/// writes them; its workers start from blobs.
fn policy(connect: &[String]) -> HeaderValue {
    let connect = [&["'self'".to_owned()], connect].concat().join(" ");
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data:; font-src 'self' data:; connect-src {connect}; \
         worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}

fn content_type(path: &str) -> String {
    let guessed = mime_guess::from_path(path).first_or_octet_stream();
    let is_text =
        guessed.type_() == "text" || matches!(guessed.subtype().as_str(), "json" | "javascript");
    if is_text {
        format!("{guessed}; charset=utf-8")
    } else {
        guessed.to_string()
    }
}

/// A compressing proxy may have weakened the tag that it gives back.
fn matches_tag(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let (known, tag) = (
        known.to_str().unwrap_or_default(),
        tag.to_str().unwrap_or_default(),
    );
    known
        .split(',')
        .any(|known| known.trim().trim_start_matches("W/") == tag)
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .any(|accept| accept.to_str().is_ok_and(|a| a.contains("text/html")))
}

fn not_found(text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    (StatusCode::NOT_FOUND, headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(serves_demo: bool) -> Assets {
        let file = |path: &str| {
            let content: &[u8] = match path {
                "index.html" => b"<p>demo",
                "graphiql.html" => b"<p>graphiql",
                "assets/app-1a2b.js" => b"run()",
                "logo.svg" => b"<svg/>",
                "badge.js" => b"define()",
                "badge-example.html" => b"<p>badge",
                _ => return None,
            };
            Some(Asset {
                content: content.into(),
                hash: [7; 32],
            })
        };
        Assets {
            file,
            serves_demo,
            policy: policy(&["http://127.0.0.1:8090".into()]),
            settings: settings(&["http://127.0.0.1:8090".into()]),
        }
    }

    fn html() -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("text/html,*/*;q=0.8"))])
    }

    fn check(assets: &Assets, path: &str, headers: &HeaderMap, expected: (u16, &str)) {
        let response = assets.page(path, headers);
        let content_type = response.headers()[CONTENT_TYPE].to_str().unwrap();
        assert_eq!(
            (response.status().as_u16(), content_type),
            expected,
            "{path}"
        );
    }

    #[test]
    fn the_demo_answers_its_own_pages_only_where_it_is_served() {
        let (none, html) = (HeaderMap::new(), html());
        let (page, text) = ("text/html; charset=utf-8", "text/plain; charset=utf-8");
        check(&built(true), "/", &none, (200, page));
        check(&built(true), "/cases/7", &html, (200, page));
        check(&built(true), "/cases/7", &none, (404, text));
        check(&built(true), "/assets/gone.js", &html, (404, text));
        check(&built(false), "/", &html, (404, text));
        check(&built(false), "/index.html", &html, (404, text));
        check(&built(false), "/cases/7", &html, (404, text));
        check(
            &built(false),
            "/assets/app-1a2b.js",
            &none,
            (200, "text/javascript; charset=utf-8"),
        );
        check(&built(true), "/logo.svg", &none, (200, "image/svg+xml"));
        check(&built(true), "/badge-example", &none, (200, page));
        check(
            &built(true),
            "/web-demo.json",
            &none,
            (200, "application/json"),
        );
        check(&built(false), "/web-demo.json", &none, (404, text));
    }

    #[test]
    fn the_badge_may_be_loaded_from_pages_of_any_origin() {
        let headers = |path: &str| {
            let response = built(false).page(path, &HeaderMap::new());
            response.headers().clone()
        };
        assert_eq!(headers("/badge.js")[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(headers("/badge.js")[CORP], "cross-origin");
        assert!(!headers("/logo.svg").contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    }

    #[test]
    fn hashed_files_are_kept_for_ever_and_pages_are_asked_for_again() {
        let assets = built(true);
        let caching =
            |path: &str| assets.page(path, &HeaderMap::new()).headers()[CACHE_CONTROL].clone();
        assert_eq!(
            caching("/assets/app-1a2b.js"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(caching("/"), "no-cache");

        let tag = assets.page("/", &HeaderMap::new()).headers()[ETAG].clone();
        for known in [
            tag.to_str().unwrap().to_owned(),
            format!("\"other\", W/{}", tag.to_str().unwrap()),
        ] {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, known.parse().unwrap())]);
            assert_eq!(
                assets.page("/", &headers).status(),
                StatusCode::NOT_MODIFIED
            );
        }
    }

    #[test]
    fn pages_may_call_the_gateway_and_the_named_origins_only() {
        let response = built(true).graphiql(&HeaderMap::new());
        let policy = response.headers()[CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(
            policy.contains("connect-src 'self' http://127.0.0.1:8090;"),
            "{policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"));
    }

    #[test]
    fn pages_that_were_not_built_say_how_to_build_them() {
        let assets = Assets {
            file: |_| None,
            ..built(true)
        };
        for response in [
            assets.page("/", &HeaderMap::new()),
            assets.graphiql(&HeaderMap::new()),
        ] {
            assert_eq!(response.status(), StatusCode::NOT_FOUND);
            assert_eq!(
                response.headers()[CONTENT_TYPE],
                "text/plain; charset=utf-8"
            );
        }
    }
}
