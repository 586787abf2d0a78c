//! The organisation itself: queues, users, wrap-up codes, and the people who contact it. All of it follows from the seed.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use uuid::Uuid;

use super::config::SimulatorConfig;

const QUEUES: [&str; 12] = [
    "Support",
    "Sales",
    "Billing",
    "Claims",
    "Returns",
    "Technical Help",
    "Complaints",
    "Onboarding",
    "Renewals",
    "Partners",
    "VIP Desk",
    "Back Office",
];
const FIRST_NAMES: [&str; 20] = [
    "Ada", "Bruno", "Carmen", "David", "Elena", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Klara",
    "Liam", "Mira", "Noah", "Olga", "Pavel", "Rosa", "Samir", "Tessa", "Viktor",
];
const LAST_NAMES: [&str; 10] = [
    "Berger", "Costa", "Dvorak", "Eriksen", "Fischer", "Garcia", "Horvat", "Ivanova", "Jansen",
    "Keller",
];
const CUSTOMER_FIRST: [&str; 12] = [
    "Wendelin", "Xenia", "Yusuf", "Zora", "Quentin", "Ulrike", "Thaddeus", "Philippa", "Ottokar",
    "Nerea", "Mortimer", "Leocadia",
];
const CUSTOMER_LAST: [&str; 12] = [
    "Quillfeather",
    "Zabriskie",
    "Oppenrieder",
    "Vandersloot",
    "Thistlewood",
    "Mbekezeli",
    "Ackerknecht",
    "Brontosova",
    "Czerwinska",
    "Dunkelberg",
    "Estevez-Prado",
    "Fitzhumphrey",
];
const CODES: [&str; 6] = [
    "Resolved",
    "Follow-up needed",
    "Sale",
    "Wrong number",
    "Escalated",
    "No answer",
];

/// Queues that can be added while it runs.
const MORE_QUEUES: usize = 64;

/// A queue.
pub(crate) struct Queue {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// The OAuth client may not follow it.
    pub(crate) refused: bool,
}

/// A user, who is also an agent of every queue.
pub(crate) struct User {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) email: String,
    /// Legs that this user is busy with.
    busy: AtomicUsize,
}

/// A wrap-up code; every queue has them all.
pub(crate) struct Code {
    pub(crate) id: Uuid,
    pub(crate) name: &'static str,
}

/// Somebody who contacts the organisation: exactly what a gateway must not keep.
#[derive(Clone, Debug)]
pub(crate) struct Customer {
    pub(crate) name: String,
    pub(crate) phone: String,
    pub(crate) email: String,
    pub(crate) contact_id: Uuid,
    pub(crate) subject: String,
    /// What an Architect flow leaves on the customer's participant.
    pub(crate) attributes: BTreeMap<String, String>,
}

pub(crate) struct Org {
    pub(crate) id: Uuid,
    pub(crate) division: Uuid,
    /// All that there will ever be; the first ones are open.
    all_queues: Vec<Queue>,
    open_queues: AtomicUsize,
    queue_places: HashMap<Uuid, usize>,
    pub(crate) users: Vec<User>,
    pub(crate) codes: Vec<Code>,
    /// Permissions that the OAuth client was not given.
    lacking: Vec<String>,
    next_user: AtomicUsize,
    next_queue: AtomicUsize,
}

impl Org {
    pub(crate) fn new(config: &SimulatorConfig) -> Self {
        let mut ids = StdRng::seed_from_u64(config.seed);
        let mut id = move || uuid::Builder::from_random_bytes(ids.random()).into_uuid();
        let refused_from = config.queues.saturating_sub(config.refused_queues);
        let (org, division) = (id(), id());
        let queue = |n: usize, id: Uuid| Queue {
            id,
            name: numbered(QUEUES[n % QUEUES.len()], n / QUEUES.len()),
            refused: (refused_from..config.queues).contains(&n),
        };
        let mut all_queues: Vec<_> = (0..config.queues).map(|n| queue(n, id())).collect();
        let codes = CODES.iter().map(|name| Code { id: id(), name }).collect();
        let users = (0..config.users).map(|n| User::new(id(), n)).collect();
        all_queues.extend((config.queues..config.queues + MORE_QUEUES).map(|n| queue(n, id())));
        let places = all_queues.iter().enumerate();
        Self {
            id: org,
            division,
            queue_places: places.map(|(place, queue)| (queue.id, place)).collect(),
            all_queues,
            open_queues: AtomicUsize::new(config.queues),
            codes,
            users,
            lacking: config.lacking.clone(),
            next_user: AtomicUsize::new(0),
            next_queue: AtomicUsize::new(0),
        }
    }

    pub(crate) fn lacks(&self, permission: &str) -> bool {
        let is_it = |lacking: &String| lacking.eq_ignore_ascii_case(permission);
        self.lacking.iter().any(is_it)
    }

    /// The queues that there are now.
    pub(crate) fn queues(&self) -> &[Queue] {
        &self.all_queues[..self.open_queues.load(Ordering::Acquire)]
    }

    pub(crate) fn queue(&self, id: Uuid) -> Option<&Queue> {
        self.queues().get(*self.queue_places.get(&id)?)
    }

    /// Opens one more queue, if there can be one.
    pub(crate) fn add_queue(&self) -> Option<&Queue> {
        let more = |open| (open < self.all_queues.len()).then_some(open + 1);
        let open = self
            .open_queues
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        self.all_queues.get(open.ok()?)
    }

    pub(crate) fn user(&self, id: Uuid) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    /// By id or exact name, as Genesys' own `ININ-` codes too.
    pub(crate) fn code_name(&self, code: &str) -> Option<&str> {
        if code.starts_with("ININ-") {
            return Some("System");
        }
        let id = Uuid::parse_str(code).ok()?;
        self.codes
            .iter()
            .find(|known| known.id == id)
            .map(|known| known.name)
    }

    /// The queues in turn.
    pub(crate) fn any_queue(&self) -> Option<Uuid> {
        let turn = self.next_queue.fetch_add(1, Ordering::Relaxed);
        let queues = self.queues();
        queues.get(turn % queues.len().max(1)).map(|queue| queue.id)
    }

    /// The queue after this one, for transfers.
    pub(crate) fn other_queue(&self, queue: Option<Uuid>) -> Option<Uuid> {
        let queues = self.queues();
        let here = queue.and_then(|queue| self.queue_places.get(&queue).copied());
        queues
            .get((here.unwrap_or(0) + 1) % queues.len().max(1))
            .map(|queue| queue.id)
    }

    /// The least busy user who is not in `taken`, in turn among equals.
    pub(crate) fn free_user(&self, taken: &[Uuid]) -> Option<Uuid> {
        let turn = self.next_user.fetch_add(1, Ordering::Relaxed);
        let users = self.users.len();
        (0..users)
            .map(|n| &self.users[(turn + n) % users])
            .filter(|user| !taken.contains(&user.id))
            .min_by_key(|user| user.busy.load(Ordering::Relaxed))
            .map(|user| user.id)
    }

    pub(crate) fn occupy(&self, user: Uuid) {
        if let Some(user) = self.user(user) {
            user.busy.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn release(&self, user: Uuid) {
        if let Some(user) = self.user(user) {
            let _ = user
                .busy
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |busy| {
                    busy.checked_sub(1)
                });
        }
    }

    pub(crate) fn division_json(&self) -> Value {
        json!({"id": self.division, "name": "Home", "selfUri": format!("/api/v2/authorization/divisions/{}", self.division)})
    }
}

impl User {
    fn new(id: Uuid, n: usize) -> Self {
        let (first, last) = (
            FIRST_NAMES[n % FIRST_NAMES.len()],
            LAST_NAMES[(n + n / FIRST_NAMES.len()) % LAST_NAMES.len()],
        );
        Self {
            id,
            name: numbered(
                &format!("{first} {last}"),
                n / (FIRST_NAMES.len() * LAST_NAMES.len()),
            ),
            email: format!(
                "{}.{}{}@agents.example.com",
                first.to_lowercase(),
                last.to_lowercase(),
                if n < FIRST_NAMES.len() {
                    String::new()
                } else {
                    n.to_string()
                }
            ),
            busy: AtomicUsize::new(0),
        }
    }
}

impl Customer {
    pub(crate) fn random(rng: &mut impl Rng) -> Self {
        let first = CUSTOMER_FIRST[rng.random_range(0..CUSTOMER_FIRST.len())];
        let last = CUSTOMER_LAST[rng.random_range(0..CUSTOMER_LAST.len())];
        let line: u32 = rng.random_range(0..10_000);
        let (name, phone) = (format!("{first} {last}"), format!("+1555019{line:04}"));
        let attributes = [
            ("Customer Name", name.clone()),
            ("Customer ANI", phone.clone()),
            (
                "AccountNumber",
                format!("H{:08}", rng.random_range(0..100_000_000)),
            ),
            (
                "DateOfBirth",
                format!(
                    "19{}-0{}-1{}",
                    rng.random_range(40..99),
                    rng.random_range(1..10),
                    rng.random_range(0..10)
                ),
            ),
            ("MenuPath", "Main > Contracts > Questions".to_owned()),
            ("ScheduleGroup", "MON-FRI_7AM-7PM".to_owned()),
            ("Language", "en-us".to_owned()),
            (
                "PostalAddress",
                format!("{line} Harbour Street, Springfield"),
            ),
            ("MaidenName", last.to_owned()),
            (
                "PlanType",
                "Household contents and liability, comprehensive".to_owned(),
            ),
            (
                "Intent",
                "Question about the latest invoice and the notice period".to_owned(),
            ),
            (
                "DataTableLookup",
                "Main | English lookup succeeded in queue configuration table".to_owned(),
            ),
            (
                "AuthenticationResult",
                "Authenticated by account number and date of birth".to_owned(),
            ),
        ];
        Self {
            name,
            phone,
            attributes: attributes
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
            email: format!(
                "{}.{}@customers.example.net",
                first.to_lowercase(),
                last.to_lowercase()
            ),
            contact_id: uuid::Builder::from_random_bytes(rng.random()).into_uuid(),
            subject: format!("Contract {line} of {first} {last}"),
        }
    }
}

fn numbered(name: &str, round: usize) -> String {
    if round == 0 {
        name.to_owned()
    } else {
        format!("{name} {}", round + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_gives_the_organisation_and_names_are_unlike() {
        let config = SimulatorConfig {
            queues: 30,
            users: 300,
            ..SimulatorConfig::for_tests()
        };
        let (one, two) = (Org::new(&config), Org::new(&config));
        let ids = |org: &Org| {
            org.queues()
                .iter()
                .map(|queue| queue.id)
                .chain(org.users.iter().map(|user| user.id))
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(&one), ids(&two));
        assert_ne!(
            ids(&one),
            ids(&Org::new(&SimulatorConfig { seed: 2, ..config }))
        );
        let names: std::collections::HashSet<_> = one
            .queues()
            .iter()
            .map(|queue| &queue.name)
            .chain(one.users.iter().map(|user| &user.name))
            .collect();
        assert_eq!(names.len(), 330);
    }

    #[test]
    fn a_free_user_is_one_who_is_not_busy() {
        let org = Org::new(&SimulatorConfig {
            users: 3,
            ..SimulatorConfig::for_tests()
        });
        let first = org.free_user(&[]).expect("a user");
        org.occupy(first);
        let second = org.free_user(&[]).expect("a user");
        org.occupy(second);
        let third = org.free_user(&[]).expect("a user");
        assert!(first != second && second != third && first != third);
        assert_eq!(org.free_user(&[first, second, third]), None);
    }
}
