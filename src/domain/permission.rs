//! What a caller may do.

use std::fmt;

use super::row::words;

words! {
    /// One thing a caller may be allowed to do, by the word that tokens and API keys use for it.
    Permission {
        /// Read and follow conversations.
        Read = "conversations:read",
        /// Register, link, unlink and refresh conversations.
        Write = "conversations:write",
        /// End conversations in Genesys.
        Close = "conversations:close",
        /// See customers' names and addresses, where the operator keeps them.
        Personal = "conversations:personal",
        /// Read the audit trail, see who is connected, and end connections.
        Admin = "admin",
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Permissions(u8);

impl Permissions {
    pub const NONE: Self = Self(0);

    pub fn all() -> Self {
        Permission::ALL.iter().copied().collect()
    }

    pub fn contains(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub fn without(self, permission: Permission) -> Self {
        Self(self.0 & !bit(permission))
    }

    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .iter()
            .copied()
            .filter(move |permission| self.contains(*permission))
    }

    /// Reads words separated by spaces; words that are no permission are left out.
    pub fn from_words(words: &str) -> Self {
        words
            .split_ascii_whitespace()
            .filter_map(Permission::from_word)
            .collect()
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        let bits = permissions.into_iter().map(bit);
        Self(bits.fold(0, |all, bit| all | bit))
    }
}

impl fmt::Display for Permissions {
    /// The words, separated by spaces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(Permission::as_str).collect();
        f.write_str(&words.join(" "))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

fn bit(permission: Permission) -> u8 {
    1 << permission as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_as_they_went() {
        let some = Permissions::from_words("admin  conversations:read openid");
        assert_eq!(some.to_string(), "conversations:read admin");
        assert_eq!(Permissions::from_words(&some.to_string()), some);
        assert!(some.contains(Permission::Read) && !some.contains(Permission::Write));
        assert_eq!(Permissions::all().iter().count(), Permission::ALL.len());
        assert!(
            some.without(Permission::Admin)
                .without(Permission::Read)
                .is_empty()
        );
    }
}
