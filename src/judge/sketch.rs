//! The shape of a document: which selections lie in which, and what multiplies them. Everything
//! else between brackets is left to the parser.

use std::collections::HashMap;

use super::lexer::{Placed, Token, tokens};
use super::work::step;
use super::{Limits, Unfit};

/// The kind of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Query,
    Mutation,
    Subscription,
}

/// The shape of a document. It depends on the text alone, so it may be kept beside it.
#[derive(Debug)]
pub struct Sketch {
    pub(super) operations: Vec<Operation>,
    pub(super) fragments: Vec<Fragment>,
    pub(super) sets: Vec<Vec<Item>>,
    /// What variables are where the request gives none, by their names.
    pub(super) fallbacks: HashMap<String, Fallback>,
    introspects: bool,
}

/// What a variable is by default, in all operations that have one of the name.
#[derive(Debug, Default)]
pub(super) struct Fallback {
    /// The largest whole number.
    pub(super) longest: u64,
    /// One of the operations names no number.
    pub(super) may_lack: bool,
}

#[derive(Debug)]
pub(super) struct Operation {
    kind: Kind,
    name: Option<String>,
    pub(super) directives: u64,
    pub(super) set: usize,
}

#[derive(Debug)]
pub(super) struct Fragment {
    pub(super) name: String,
    pub(super) directives: u64,
    pub(super) set: usize,
}

/// One selection.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) directives: u64,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Field(Field),
    Inline(usize),
    /// Which fragment, if the document has it.
    Spread(Option<usize>),
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) aliased: bool,
    pub(super) role: Role,
    pub(super) pages: Vec<Page>,
    pub(super) set: Option<usize>,
}

/// What a field's name tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    /// `nodes` and `edges`: the field around them is a page.
    Elements,
    /// `__schema` and `__type`.
    Introspection,
    /// Lists inside an introspection, which could be nested into each other without end.
    Listing,
}

/// How long a page was asked for.
#[derive(Debug)]
pub(super) enum Page {
    Literal(u64),
    Variable(String),
}

impl Sketch {
    /// Whether it asks for the schema.
    pub fn introspects(&self) -> bool {
        self.introspects
    }

    /// The kind of the operation that a request asks for; None when the document does not hold it.
    pub fn kind(&self, wanted: Option<&str>) -> Option<Kind> {
        let operation = match (wanted, self.operations.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(_), operations) => operations
                .iter()
                .find(|operation| operation.name.as_deref() == wanted),
        };
        operation.map(|operation| operation.kind)
    }
}

/// Reads the shape of a text.
///
/// # Errors
/// Too many tokens, brackets nested too deep, or a shape that is no document's.
pub fn read(text: &str, limits: &Limits) -> Result<Sketch, Unfit> {
    let mut reader = Reader {
        text,
        tokens: tokens(text, limits.max_tokens)?,
        at: 0,
        spreads: Vec::new(),
        sketch: Sketch {
            operations: Vec::new(),
            fragments: Vec::new(),
            sets: Vec::new(),
            fallbacks: HashMap::new(),
            introspects: false,
        },
    };
    while reader.peek(0).is_some() {
        reader.definition()?;
    }
    Ok(reader.resolved())
}

struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Placed>,
    at: usize,
    /// Set, place in it, and name of every spread: fragments may be defined later.
    spreads: Vec<(usize, usize, &'a str)>,
    sketch: Sketch,
}

impl<'a> Reader<'a> {
    fn peek(&self, ahead: usize) -> Option<Token> {
        step();
        self.tokens.get(self.at + ahead).map(|placed| placed.token)
    }

    fn is(&self, mark: u8) -> bool {
        self.peek(0) == Some(Token::Mark(mark))
    }

    fn take(&mut self, mark: u8) -> bool {
        let found = self.is(mark);
        self.at += usize::from(found);
        found
    }

    fn word(&self, ahead: usize) -> Option<&'a str> {
        step();
        let placed = self.tokens.get(self.at + ahead)?;
        (placed.token == Token::Name).then(|| &self.text[placed.start..placed.end])
    }

    fn name(&mut self) -> Result<&'a str, Unfit> {
        let name = self.word(0).ok_or_else(|| self.unexpected())?;
        self.at += 1;
        Ok(name)
    }

    fn unexpected(&self) -> Unfit {
        let at = self.tokens.get(self.at).map(|placed| placed.start);
        Unfit::Syntax {
            at: at.unwrap_or(self.text.len()),
        }
    }

    fn definition(&mut self) -> Result<(), Unfit> {
        let kind = match self.word(0) {
            None => {
                let set = self.selections()?;
                self.operation(Kind::Query, None, 0, set);
                return Ok(());
            }
            Some("fragment") => return self.fragment(),
            Some("query") => Kind::Query,
            Some("mutation") => Kind::Mutation,
            Some("subscription") => Kind::Subscription,
            Some(_) => return Err(self.unexpected()),
        };
        self.at += 1;
        let name = self.word(0);
        self.at += usize::from(name.is_some());
        let mut directives = 0;
        if self.is(b'(') {
            let from = self.at;
            self.bracketed(&mut directives, &mut Vec::new())?;
            self.note_fallbacks(from);
        }
        directives += self.directives()?;
        let set = self.selections()?;
        self.operation(kind, name, directives, set);
        Ok(())
    }

    fn operation(&mut self, kind: Kind, name: Option<&str>, directives: u64, set: usize) {
        self.sketch.operations.push(Operation {
            kind,
            name: name.map(Into::into),
            directives,
            set,
        });
    }

    fn fragment(&mut self) -> Result<(), Unfit> {
        self.at += 1;
        if self.word(0) == Some("on") {
            return Err(self.unexpected());
        }
        let name = self.name()?;
        if self.word(0) != Some("on") {
            return Err(self.unexpected());
        }
        self.at += 1;
        self.name()?;
        let directives = self.directives()?;
        let set = self.selections()?;
        self.sketch.fragments.push(Fragment {
            name: name.into(),
            directives,
            set,
        });
        Ok(())
    }

    /// A selection set; recursive as deep as brackets may nest.
    fn selections(&mut self) -> Result<usize, Unfit> {
        if !self.take(b'{') {
            return Err(self.unexpected());
        }
        let set = self.sketch.sets.len();
        self.sketch.sets.push(Vec::new());
        while !self.take(b'}') {
            let place = self.sketch.sets[set].len();
            let item = self.selection(set, place)?;
            self.sketch.sets[set].push(item);
        }
        Ok(set)
    }

    fn selection(&mut self, set: usize, place: usize) -> Result<Item, Unfit> {
        if self.peek(0) != Some(Token::Spread) {
            return self.field();
        }
        self.at += 1;
        match self.word(0) {
            Some("on") => {
                self.at += 1;
                self.name()?;
            }
            Some(name) => {
                self.at += 1;
                self.spreads.push((set, place, name));
                let directives = self.directives()?;
                let what = What::Spread(None);
                return Ok(Item { directives, what });
            }
            None => {}
        }
        let directives = self.directives()?;
        let what = What::Inline(self.selections()?);
        Ok(Item { directives, what })
    }

    fn field(&mut self) -> Result<Item, Unfit> {
        let mut name = self.name()?;
        let aliased = self.take(b':');
        if aliased {
            name = self.name()?;
        }
        let role = role(name);
        self.sketch.introspects |= role == Role::Introspection;
        let mut directives = 0;
        let mut pages = Vec::new();
        if self.is(b'(') {
            self.bracketed(&mut directives, &mut pages)?;
        }
        directives += self.directives()?;
        let set = if self.is(b'{') {
            Some(self.selections()?)
        } else {
            None
        };
        let what = What::Field(Field {
            aliased,
            role,
            pages,
            set,
        });
        Ok(Item { directives, what })
    }

    fn directives(&mut self) -> Result<u64, Unfit> {
        let mut count = 0;
        while self.take(b'@') {
            count += 1;
            self.name()?;
            if self.is(b'(') {
                self.bracketed(&mut count, &mut Vec::new())?;
            }
        }
        Ok(count)
    }

    /// Skips what stands in parentheses: counts directives, and notes the lengths of pages.
    fn bracketed(&mut self, directives: &mut u64, pages: &mut Vec<Page>) -> Result<(), Unfit> {
        let mut depth = 0;
        loop {
            let token = self.peek(0).ok_or_else(|| self.unexpected())?;
            match token {
                Token::Mark(b'(' | b'[' | b'{') => depth += 1,
                Token::Mark(b')' | b']' | b'}') => depth -= 1,
                Token::Mark(b'@') => *directives += 1,
                Token::Name if depth == 1 => pages.extend(self.page()),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// The length of a page, if the argument here tells one.
    fn page(&self) -> Option<Page> {
        let is_length = matches!(self.word(0), Some("first" | "last"));
        if !is_length || self.peek(1) != Some(Token::Mark(b':')) {
            return None;
        }
        match self.peek(2)? {
            Token::Int => Some(Page::Literal(self.whole(self.at + 2))),
            Token::Mark(b'$') => Some(Page::Variable(self.word(3)?.into())),
            _ => None,
        }
    }

    /// The whole number that a token is. A negative one is refused where it is used.
    fn whole(&self, token: usize) -> u64 {
        let text = self.text_of(token);
        let beyond = u64::from(!text.starts_with('-')) * u64::MAX;
        text.parse().unwrap_or(beyond)
    }

    fn text_of(&self, token: usize) -> &'a str {
        let placed = self.tokens[token];
        &self.text[placed.start..placed.end]
    }

    /// Notes what variables are by default, `$name: Int = 7`, between the token `from` and here.
    fn note_fallbacks(&mut self, from: usize) {
        let mut at = from;
        while at < self.at {
            let begin = at;
            let mut default = None;
            at += 1;
            while at < self.at && self.tokens[at].token != Token::Mark(b'$') {
                step();
                let is_default = self.tokens[at - 1].token == Token::Mark(b'=');
                if is_default && self.tokens[at].token == Token::Int {
                    default = Some(self.whole(at));
                }
                at += 1;
            }
            if self.tokens[begin].token == Token::Mark(b'$') {
                let name = self.text_of(begin + 1).to_owned();
                let fallback = self.sketch.fallbacks.entry(name).or_default();
                fallback.longest = fallback.longest.max(default.unwrap_or_default());
                fallback.may_lack |= default.is_none();
            }
        }
    }

    /// Joins spreads to their fragments, the first of each name.
    fn resolved(mut self) -> Sketch {
        let mut numbers = HashMap::new();
        for (number, fragment) in self.sketch.fragments.iter().enumerate() {
            numbers.entry(fragment.name.as_str()).or_insert(number);
        }
        let found: Vec<_> = self
            .spreads
            .iter()
            .map(|(set, place, name)| (*set, *place, numbers.get(name).copied()))
            .collect();
        for (set, place, number) in found {
            self.sketch.sets[set][place].what = What::Spread(number);
        }
        self.sketch
    }
}

fn role(name: &str) -> Role {
    match name {
        "nodes" | "edges" => Role::Elements,
        "__schema" | "__type" => Role::Introspection,
        "fields" | "inputFields" | "interfaces" | "possibleTypes" => Role::Listing,
        _ => Role::Plain,
    }
}
