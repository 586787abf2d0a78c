//! The column types that the two databases spell differently.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// `COL_ID`, the 64-bit key of every table of DCM's.
pub(crate) fn col_id() -> ColumnDef {
    ColumnDef::new("col_id")
        .big_integer()
        .not_null()
        .auto_increment()
        .primary_key()
        .take()
}

pub(crate) fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().take()
}

pub(crate) fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

/// A 64-bit key given by the gateway. SQLite looks rows up by themselves only under its own name
/// for the type.
pub(crate) fn given_key(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    let kind = match manager.get_database_backend() {
        DbBackend::Postgres => "bigint",
        _ => "integer",
    };
    ColumnDef::new(name)
        .custom(kind)
        .not_null()
        .primary_key()
        .take()
}

pub(crate) fn flag(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().take()
}

pub(crate) fn seconds(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).double().not_null().take()
}

/// A text whose order is that of its bytes, as SQLite has it without being asked.
pub(crate) fn key(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    let kind = match manager.get_database_backend() {
        DbBackend::Postgres => r#"text COLLATE "C""#,
        _ => "text",
    };
    ColumnDef::new(name).custom(kind).not_null().take()
}

/// A time in milliseconds; in SQLite the 24-character text whose order is the order of time.
pub(crate) fn time(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    let kind = match manager.get_database_backend() {
        DbBackend::Postgres => "timestamptz(3)",
        _ => "text",
    };
    ColumnDef::new(name).custom(kind).take()
}

pub(crate) fn index(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).take();
    for column in columns {
        index.col(*column);
    }
    index
}

/// A column that names a conversation by its `COL_ID`.
pub(crate) fn belongs_to_conversation(
    table: &'static str,
    column: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, column)
        .to("tbl_gen_conversation", "col_id")
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}
