//! Trusted documents: texts that the operator knows beforehand, asked for by the hash of the text.

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use async_graphql::{Request, ServerError};
use sha2::{Digest, Sha256};

use super::code;
use super::response::error;

const PREFIX: &str = "sha256:";

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Trusted documents")]
pub struct DocumentsConfig {
    /// Manifest of documents that requests may name by `documentId`: a JSON object of texts by
    /// their `sha256:` hashes.
    #[arg(long, env = "GATEWAY_DOCUMENTS", value_name = "FILE", value_parser = Documents::read)]
    pub documents: Option<Documents>,

    /// Run nothing but the documents of the manifest.
    #[arg(long, env = "GATEWAY_DOCUMENTS_ONLY", requires = "documents")]
    pub documents_only: bool,
}

/// The document that a request named instead of sending its text.
pub(super) struct DocumentId(pub(super) String);

/// The documents of a manifest by their hashes.
#[derive(Clone, Debug)]
pub struct Documents(Arc<HashMap<String, String>>);

/// Why a manifest can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("it can't be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error("it is no JSON object of texts: {0}")]
    NotTexts(#[from] serde_json::Error),
    #[error("{0} is not the SHA-256 of its text")]
    WrongHash(String),
}

impl Documents {
    /// # Errors
    /// The manifest can't be read, or a hash in it is wrong.
    pub fn read(path: &str) -> Result<Self, ManifestError> {
        Ok(Self(Arc::new(manifest(path)?)))
    }
}

impl DocumentsConfig {
    /// Puts the text of the document that a request names into the request.
    pub(super) fn resolve(&self, request: &mut Request) -> Result<(), ServerError> {
        let named = request.data.get(&TypeId::of::<DocumentId>());
        let named = named.and_then(|named| named.downcast_ref::<DocumentId>());
        let Some(DocumentId(id)) = named else {
            return self.check_text();
        };
        let id = id.to_ascii_lowercase();
        let bare = id.strip_prefix(PREFIX).unwrap_or(&id);
        let known = self.documents.as_ref();
        let text = known.and_then(|Documents(texts)| texts.get(bare));
        let text =
            text.ok_or_else(|| error(code::NOT_FOUND, "There is no document of this id."))?;
        request.query.clone_from(text);
        Ok(())
    }

    fn check_text(&self) -> Result<(), ServerError> {
        if self.documents_only {
            let message = "Only known documents are run: send documentId instead of query.";
            return Err(error(code::FORBIDDEN, message));
        }
        Ok(())
    }
}

/// Texts by their hashes without the prefix, as other tools write them.
fn manifest(path: &str) -> Result<HashMap<String, String>, ManifestError> {
    let texts: HashMap<String, String> = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    texts
        .into_iter()
        .map(|(id, text)| {
            let bare = id.strip_prefix(PREFIX).unwrap_or(&id).to_ascii_lowercase();
            if bare == hash(&text) {
                Ok((bare, text))
            } else {
                Err(ManifestError::WrongHash(id))
            }
        })
        .collect()
}

fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(manifest: &str) -> Result<DocumentsConfig, ManifestError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), manifest).unwrap();
        Ok(DocumentsConfig {
            documents: Some(Documents::read(file.path().to_str().unwrap())?),
            documents_only: false,
        })
    }

    fn resolved(documents: &DocumentsConfig, id: &str) -> Result<String, String> {
        let mut request = Request::new("").data(DocumentId(id.into()));
        let outcome = documents.resolve(&mut request);
        outcome.map(|()| request.query).map_err(|e| e.message)
    }

    #[test]
    fn documents_are_found_by_the_hash_of_their_text() {
        let hash = hash("{ a }");
        assert_eq!(hash.len(), 64);
        for id in [hash.clone(), format!("sha256:{hash}")] {
            let documents = read(&format!(r#"{{"{id}": "{{ a }}"}}"#)).unwrap();
            assert_eq!(
                resolved(&documents, &format!("sha256:{hash}")),
                Ok("{ a }".into())
            );
            assert!(resolved(&documents, "sha256:0").is_err());
            assert!(documents.resolve(&mut Request::new("{ b }")).is_ok());
        }
    }

    #[test]
    fn only_known_documents_are_run_where_the_operator_wants_it() {
        let documents = DocumentsConfig {
            documents_only: true,
            ..read("{}").unwrap()
        };
        assert!(documents.resolve(&mut Request::new("{ b }")).is_err());
    }

    #[test]
    fn a_manifest_that_lies_is_refused() {
        assert!(matches!(
            read(r#"{"00": "{ a }"}"#),
            Err(ManifestError::WrongHash(_))
        ));
        assert!(matches!(read("[]"), Err(ManifestError::NotTexts(_))));
    }
}
