//! Chooses the media type of an answer by the request's `Accept` headers (RFC 9110, 12.5.1).

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/graphql-response+json`: the status code tells the outcome.
    GraphqlResponse,
    /// `application/json`: a well-formed request is always answered 200.
    Json,
    /// `text/event-stream`.
    EventStream,
    /// Plain JSON for those who know nothing of GraphQL. It is not offered: it belongs to its paths.
    Flat,
}

const OFFERS: [MediaType; 3] = [
    MediaType::EventStream,
    MediaType::Json,
    MediaType::GraphqlResponse,
];

/// The type that the client likes best, or none when it accepts nothing that is offered. Without a
/// wish, and where wildcards leave the choice, it is plain JSON, which every client reads.
pub(super) fn negotiate(headers: &HeaderMap) -> Option<MediaType> {
    let accept: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .map(|value| value.to_str().unwrap_or_default())
        .collect();
    if accept.is_empty() {
        return Some(MediaType::Json);
    }
    let ranges: Vec<Range> = accept
        .iter()
        .flat_map(|value| value.split(','))
        .filter_map(Range::parse)
        .collect();
    OFFERS
        .into_iter()
        .filter_map(|media| Some((rank(media, &ranges)?, media)))
        .max_by_key(|(rank, _)| *rank)
        .map(|(_, media)| media)
}

/// Whether the client named one of the offered types itself, not by a wildcard.
pub(super) fn names_an_offer(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(Range::parse)
        .any(|range| {
            OFFERS
                .iter()
                .any(|offer| range.matches(*offer) == Some(Exactness::Named))
        })
}

/// Quality in thousandths, how exactly the type was named, and whether it is the usual choice of
/// clients that do not care.
fn rank(media: MediaType, ranges: &[Range]) -> Option<(u16, Exactness, bool)> {
    let (exactness, quality) = ranges
        .iter()
        .filter_map(|range| Some((range.matches(media)?, range.quality)))
        .max_by_key(|(exactness, _)| *exactness)?;
    let usual = exactness != Exactness::Named && media == MediaType::Json;
    (quality > 0).then_some((quality, exactness, usual))
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Exactness {
    Anything,
    Application,
    Named,
}

struct Range<'a> {
    essence: &'a str,
    quality: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().filter(|essence| !essence.is_empty())?;
        let mut quality = 1_000;
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            if name.eq_ignore_ascii_case("q") {
                quality = thousandths(value)?;
            } else if name.eq_ignore_ascii_case("charset") && !is_utf8(value) {
                return None;
            }
        }
        Some(Self { essence, quality })
    }

    fn matches(&self, media: MediaType) -> Option<Exactness> {
        let is = |name: &str| self.essence.eq_ignore_ascii_case(name);
        match media {
            _ if is(media.essence()) => Some(Exactness::Named),
            MediaType::EventStream => None,
            _ if is("application/*") => Some(Exactness::Application),
            _ if is("*/*") => Some(Exactness::Anything),
            _ => None,
        }
    }
}

impl MediaType {
    const fn essence(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json",
            Self::Json | Self::Flat => "application/json",
            Self::EventStream => "text/event-stream",
        }
    }
}

/// Whether a `charset` parameter names UTF-8, the only one that GraphQL over HTTP knows.
pub(super) fn is_utf8(charset: &str) -> bool {
    let charset = charset.trim().trim_matches('"');
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

fn thousandths(quality: &str) -> Option<u16> {
    let quality: f32 = quality.trim().parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1,000"
    )]
    (0.0..=1.0)
        .contains(&quality)
        .then(|| (quality * 1_000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use MediaType::{EventStream, GraphqlResponse, Json};

    fn check(accept: &[&str], expected: Option<MediaType>) {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT, value.parse().unwrap());
        }
        assert_eq!(negotiate(&headers), expected, "{accept:?}");
    }

    #[test]
    fn the_best_liked_type_wins() {
        check(&[], Some(Json));
        check(&["*/*"], Some(Json));
        check(&["application/*"], Some(Json));
        check(&["application/json"], Some(Json));
        check(
            &["application/graphql-response+json"],
            Some(GraphqlResponse),
        );
        check(
            &["application/graphql-response+json, application/json;q=0.9"],
            Some(GraphqlResponse),
        );
        check(
            &["application/json, application/graphql-response+json"],
            Some(GraphqlResponse),
        );
        check(
            &["application/json;q=0.5, application/graphql-response+json;q=0.4"],
            Some(Json),
        );
        check(
            &["application/graphql-response+json;q=0.9, */*;q=0.1"],
            Some(GraphqlResponse),
        );
        check(&["application/graphql-response+json;q=0, */*"], Some(Json));
        check(&["text/html", "application/json"], Some(Json));
        check(&["APPLICATION/JSON; charset=UTF-8"], Some(Json));
        check(&["text/event-stream"], Some(EventStream));
        check(&["text/event-stream, */*;q=0.5"], Some(EventStream));
        check(
            &["application/graphql-response+json, application/json, text/event-stream"],
            Some(GraphqlResponse),
        );
    }

    #[test]
    fn nothing_is_sent_that_was_not_accepted() {
        check(&["text/html"], None);
        check(&[""], None);
        check(&["application/json;q=0"], None);
        check(&["application/json;q=2"], None);
        check(&["application/json; charset=iso-8859-1"], None);
        check(&["text/*"], None);
    }
}
