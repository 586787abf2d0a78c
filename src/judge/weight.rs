//! What a document asks for, in numbers. Each fragment is weighed once; all sums saturate.

use super::lexer::NESTING;
use super::sketch::{Field, Item, Page, Role, Sketch, What};
use super::work::step;
use super::{Limits, Unfit};

/// Elements of a page whose length is not told.
const USUAL_PAGE: u64 = 50;
/// An introspection goes over about so many types.
const TYPES: u64 = 100;
/// Lists of an introspection that may lie within each other.
const LISTINGS: u64 = 2;

/// What a request gives for a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// Nothing: it is what the document says by default.
    Nothing,
    Length(u64),
    /// Null or no length, which leaves a page as long as usual whatever the default is.
    Other,
}

/// What an operation asks for, fragments expanded; the largest of several operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    pub depth: u64,
    pub aliases: u64,
    pub root_fields: u64,
    pub directives: u64,
    pub complexity: u64,
    /// Fields and fragments of the whole document.
    pub selections: u64,
}

/// The sums over one selection set.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    depth: u64,
    aliases: u64,
    /// Fields of this set itself, not those below them.
    fields: u64,
    directives: u64,
    complexity: u64,
    selections: u64,
    /// Lists of an introspection within each other.
    listings: u64,
    /// It has `nodes` or `edges`.
    is_page: bool,
}

impl Sketch {
    /// Weighs the document with what the request gives for its variables.
    ///
    /// # Errors
    /// One of the limits is exceeded, or a fragment contains itself.
    pub fn weigh(
        &self,
        limits: &Limits,
        variables: impl Fn(&str) -> Given,
    ) -> Result<Weight, Unfit> {
        let mut scale = Scale {
            sketch: self,
            variables,
            known: self.fragments.iter().map(|_| Known::Not).collect(),
        };
        let mut weight = Weight::default();
        for fragment in 0..self.fragments.len() {
            let sum = scale.fragment(fragment, 0)?;
            weight.selections = weight.selections.saturating_add(sum.selections);
        }
        for operation in &self.operations {
            let sum = scale.set(operation.set, 0)?;
            weight.selections = weight.selections.saturating_add(sum.selections);
            weight.depth = weight.depth.max(sum.depth);
            weight.aliases = weight.aliases.max(sum.aliases);
            weight.root_fields = weight.root_fields.max(sum.fields);
            let directives = sum.directives.saturating_add(operation.directives);
            weight.directives = weight.directives.max(directives);
            weight.complexity = weight.complexity.max(sum.complexity);
            check("nested lists of the introspection", sum.listings, LISTINGS)?;
        }
        weight.check(limits)?;
        Ok(weight)
    }
}

impl Weight {
    fn check(&self, limits: &Limits) -> Result<(), Unfit> {
        check("levels", self.depth, limits.max_depth)?;
        check("root fields", self.root_fields, limits.max_root_fields)?;
        check("aliases", self.aliases, limits.max_aliases)?;
        check("directives", self.directives, limits.max_directives)?;
        check("selections", self.selections, limits.max_selections)?;
        check("complexity", self.complexity, limits.max_complexity)
    }
}

fn check(what: &'static str, is: u64, limit: u64) -> Result<(), Unfit> {
    if is > limit {
        return Err(Unfit::TooMuch { what, limit });
    }
    Ok(())
}

struct Scale<'a, V> {
    sketch: &'a Sketch,
    variables: V,
    /// By fragment.
    known: Vec<Known>,
}

#[derive(Clone, Copy)]
enum Known {
    Not,
    /// It is being weighed: whoever asks for it now lies inside it.
    Open,
    Sum(Sum),
}

impl<V: Fn(&str) -> Given> Scale<'_, V> {
    /// `chain` counts the fragments around: the weighing is recursive.
    fn fragment(&mut self, number: usize, chain: usize) -> Result<Sum, Unfit> {
        step();
        let fragment = &self.sketch.fragments[number];
        match self.known[number] {
            Known::Sum(sum) => return Ok(sum),
            Known::Open => return Err(Unfit::Cycle(fragment.name.clone())),
            Known::Not if chain >= NESTING => {
                return Err(Unfit::TooMuch {
                    what: "nested fragments",
                    limit: NESTING as u64,
                });
            }
            Known::Not => self.known[number] = Known::Open,
        }
        let mut sum = self.set(fragment.set, chain + 1)?;
        sum.directives = sum.directives.saturating_add(fragment.directives);
        self.known[number] = Known::Sum(sum);
        Ok(sum)
    }

    fn set(&mut self, set: usize, chain: usize) -> Result<Sum, Unfit> {
        let sketch = self.sketch;
        let mut sum = Sum::default();
        for item in &sketch.sets[set] {
            let part = self.item(item, chain)?;
            sum.add(&part);
            sum.directives = sum.directives.saturating_add(item.directives);
            sum.selections = sum.selections.saturating_add(1);
        }
        Ok(sum)
    }

    fn item(&mut self, item: &Item, chain: usize) -> Result<Sum, Unfit> {
        step();
        match &item.what {
            What::Field(field) => self.field(field, chain),
            What::Inline(set) => self.set(*set, chain),
            What::Spread(Some(fragment)) => self.fragment(*fragment, chain),
            What::Spread(None) => Ok(Sum::default()),
        }
    }

    fn field(&mut self, field: &Field, chain: usize) -> Result<Sum, Unfit> {
        let below = match field.set {
            Some(set) => self.set(set, chain)?,
            None => Sum::default(),
        };
        let times = self.times(field, below.is_page);
        Ok(Sum {
            depth: below.depth.saturating_add(1),
            aliases: below.aliases.saturating_add(u64::from(field.aliased)),
            fields: 1,
            directives: below.directives,
            complexity: below.complexity.saturating_mul(times).saturating_add(1),
            selections: below.selections,
            listings: below.listings + u64::from(field.role == Role::Listing),
            is_page: field.role == Role::Elements,
        })
    }

    /// How often what lies in the field is there.
    fn times(&self, field: &Field, is_page: bool) -> u64 {
        if field.role == Role::Introspection {
            return TYPES;
        }
        let usual = if is_page { USUAL_PAGE } else { 1 };
        let told = field.pages.iter().filter_map(|page| match page {
            Page::Literal(length) => Some(*length),
            Page::Variable(name) => self.length(name, usual),
        });
        // An empty page is looked up all the same.
        told.max().unwrap_or(usual).max(1)
    }

    /// The length that a variable tells, if it tells one.
    fn length(&self, variable: &str, usual: u64) -> Option<u64> {
        match (self.variables)(variable) {
            Given::Length(length) => Some(length),
            Given::Other => None,
            Given::Nothing => {
                let fallback = self.sketch.fallbacks.get(variable)?;
                let least = if fallback.may_lack { usual } else { 0 };
                Some(fallback.longest.max(least))
            }
        }
    }
}

impl Sum {
    fn add(&mut self, part: &Self) {
        self.depth = self.depth.max(part.depth);
        self.aliases = self.aliases.saturating_add(part.aliases);
        self.fields = self.fields.saturating_add(part.fields);
        self.directives = self.directives.saturating_add(part.directives);
        self.complexity = self.complexity.saturating_add(part.complexity);
        self.selections = self.selections.saturating_add(part.selections);
        self.listings = self.listings.max(part.listings);
        self.is_page |= part.is_page;
    }
}
