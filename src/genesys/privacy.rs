//! What of customers goes no further: their addresses and numbers are taken out of texts that Genesys
//! wrote, and who they are is kept only where the operator wants it.

/// Something of an outside party that is not kept unless the operator says so.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Personal {
    /// The name that Genesys shows for a customer
    CustomerName,
    /// A customer's telephone number, e-mail or messaging address
    CustomerAddress,
}

/// What of outside parties is kept: by default neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    pub names: bool,
    pub addresses: bool,
}

impl Keep {
    pub fn of(wanted: &[Personal]) -> Self {
        Self {
            names: wanted.contains(&Personal::CustomerName),
            addresses: wanted.contains(&Personal::CustomerAddress),
        }
    }
}

/// What stands in place of what was taken out.
pub const REMOVED: &str = "[removed]";

/// A shorter run of digits is a code, not somebody's number.
const FEWEST_DIGITS: usize = 7;

const SCHEMES: [&str; 4] = ["sip:", "sips:", "tel:", "mailto:"];

/// The text without e-mail addresses, telephone numbers and `sip:`, `tel:` or `mailto:` addresses.
pub fn stripped(text: &str) -> String {
    let without_addresses = text
        .split_inclusive(is_boundary)
        .map(|piece| {
            let word = piece.trim_end_matches(is_boundary);
            if is_address(word) {
                format!("{REMOVED}{}", &piece[word.len()..])
            } else {
                piece.to_owned()
            }
        })
        .collect::<String>();
    without_numbers(&without_addresses)
}

fn is_boundary(character: char) -> bool {
    character.is_whitespace() || "\"'`,<>(){}[]|".contains(character)
}

fn is_address(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    SCHEMES.iter().any(|scheme| lower.contains(scheme)) || (word.contains('@') && word.len() > 1)
}

fn without_numbers(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = number_run(rest);
        let digits = rest[..run].chars().filter(char::is_ascii_digit).count();
        let in_a_word =
            kept.ends_with(char::is_alphanumeric) || rest[run..].starts_with(char::is_alphabetic);
        if run == 0 {
            kept.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        if digits >= FEWEST_DIGITS && !in_a_word {
            kept.push_str(REMOVED);
        } else {
            kept.push_str(&rest[..run]);
        }
        rest = &rest[run..];
    }
    kept
}

/// How many bytes at the beginning are digits with the signs that stand between a number's digits.
fn number_run(text: &str) -> usize {
    let starts = text.starts_with(|first: char| first.is_ascii_digit())
        || (text.starts_with(['+', '('])
            && text[1..].starts_with(|next: char| next.is_ascii_digit()));
    if !starts {
        return 0;
    }
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || " +-./()".contains(c)))
        .unwrap_or(text.len());
    text[..end]
        .rfind(|c: char| c.is_ascii_digit())
        .map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_numbers_are_taken_out() {
        let check = |text: &str, expected: &str| assert_eq!(stripped(text), expected, "{text}");
        check(
            "mail to jane.doe@example.com failed",
            "mail to [removed] failed",
        );
        check(
            "<jane@example.com>, sip:jane@host;x=1",
            "<[removed]>, [removed]",
        );
        check("dial tel:+15550100001 busy", "dial [removed] busy");
        check("no route to +1 (555) 010-0001.", "no route to [removed].");
        check("call 0211/5550100 now", "call [removed] now");
        check("uri=SIP:200@10.0.0.1", "[removed]");
        check("+49211555010012", "[removed]");
    }

    #[test]
    fn codes_and_ids_stay() {
        for text in [
            "error.ininedgecontrol.session.inactive",
            "status 503 after 30 s",
            "",
            "participant 7fa1c0de-3b52-4e0f-9c1a-5a3de0c0ffee left",
            "übergabe gescheitert",
        ] {
            assert_eq!(stripped(text), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken(text in ".*") {
            stripped(&text);
        }
    }
}
