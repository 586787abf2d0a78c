//! A document as tokens (GraphQL specification, section 2.1).

use super::Unfit;
use super::work::step;

/// Deepest nesting of brackets. What reads the document behind the judge is recursive.
pub(super) const NESTING: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// One of `! $ & ( ) : = @ [ ] { | }`.
    Mark(u8),
    Spread,
    Name,
    Int,
    /// A float or a string: nothing is read off them.
    Other,
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// All tokens of a text, unless there are too many of them or brackets nest too deep.
pub(super) fn tokens(text: &str, most: u64) -> Result<Vec<Placed>, Unfit> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut lexer = Lexer {
        bytes: text.as_bytes(),
        at: 0,
    };
    let mut tokens = Vec::new();
    let mut nesting: usize = 0;
    while let Some(placed) = lexer.next()? {
        if tokens.len() >= most {
            return Err(Unfit::TooMuch {
                what: "tokens",
                limit: most as u64,
            });
        }
        match placed.token {
            Token::Mark(b'{' | b'[' | b'(') => nesting += 1,
            Token::Mark(b'}' | b']' | b')') => nesting = nesting.saturating_sub(1),
            _ => {}
        }
        if nesting > NESTING {
            return Err(Unfit::TooMuch {
                what: "nested brackets",
                limit: NESTING as u64,
            });
        }
        tokens.push(placed);
    }
    Ok(tokens)
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Option<Placed>, Unfit> {
        self.skip_ignored();
        let start = self.at;
        let Some(first) = self.peek(0) else {
            return Ok(None);
        };
        let token = match first {
            b'!' | b'$' | b'&' | b'(' | b')' | b':' | b'=' | b'@' | b'[' | b']' | b'{' | b'|'
            | b'}' => {
                self.at += 1;
                Token::Mark(first)
            }
            b'.' if self.bytes[start..].starts_with(b"...") => {
                self.at += 3;
                Token::Spread
            }
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                self.skip_while(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
                Token::Name
            }
            b'-' | b'0'..=b'9' => self.number(),
            b'"' => self.string()?,
            _ => return Err(Unfit::Syntax { at: start }),
        };
        Ok(Some(Placed {
            token,
            start,
            end: self.at,
        }))
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        step();
        self.bytes.get(self.at + ahead).copied()
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&wanted) {
            self.at += 1;
        }
    }

    fn skip_ignored(&mut self) {
        loop {
            match self.peek(0) {
                Some(b' ' | b'\t' | b'\n' | b'\r' | b',') => self.at += 1,
                Some(b'#') => self.skip_while(|byte| byte != b'\n' && byte != b'\r'),
                Some(0xef) if self.bytes[self.at..].starts_with("\u{feff}".as_bytes()) => {
                    self.at += 3;
                }
                _ => return,
            }
        }
    }

    fn number(&mut self) -> Token {
        self.at += 1;
        self.skip_while(|byte| byte.is_ascii_digit());
        if !matches!(self.peek(0), Some(b'.' | b'e' | b'E')) {
            return Token::Int;
        }
        self.skip_while(|byte| {
            byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')
        });
        Token::Other
    }

    fn string(&mut self) -> Result<Token, Unfit> {
        let start = self.at;
        let unended = Unfit::Syntax { at: start };
        if self.bytes[start..].starts_with(b"\"\"\"") {
            self.at += 3;
            while !self.bytes[self.at..].starts_with(b"\"\"\"") {
                step();
                let escaped = self.bytes[self.at..].starts_with(b"\\\"\"\"");
                self.at += if escaped { 4 } else { 1 };
                if self.at >= self.bytes.len() {
                    return Err(unended);
                }
            }
            self.at += 3;
            return Ok(Token::Other);
        }
        self.at += 1;
        loop {
            match self.peek(0) {
                None | Some(b'\n' | b'\r') => return Err(unended),
                Some(b'"') => break,
                Some(b'\\') if self.peek(1).is_some() => self.at += 2,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(Token::Other)
    }
}
