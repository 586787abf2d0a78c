//! Statements that are the same for every table.

use sea_orm::sea_query::{Alias, Expr, InsertStatement, OnConflict, Query, SelectStatement};
use sea_orm::{EntityName, EntityTrait, IdenStatic, Iterable, ModelTrait};

use super::session::MAX_BINDS;

/// Inserts of whole rows, as few as the limit of bound values allows. `left_out`: a column that the
/// database fills.
pub(super) fn inserts<M: ModelTrait>(
    models: &[M],
    left_out: Option<<M::Entity as EntityTrait>::Column>,
) -> Vec<InsertStatement> {
    let columns: Vec<_> = columns::<M::Entity>(left_out);
    models
        .chunks(MAX_BINDS / columns.len())
        .map(|models| {
            let mut insert = Query::insert()
                .into_table(M::Entity::default().table_ref())
                .columns(columns.iter().copied())
                .take();
            for model in models {
                insert.values_panic(columns.iter().map(|column| Expr::val(model.get(*column))));
            }
            insert
        })
        .collect()
}

/// What an insert does about a row that is there already: every column but the key takes the new
/// value.
pub(super) fn overwrite<E: EntityTrait>(
    key: &[E::Column],
    left_out: Option<E::Column>,
) -> OnConflict {
    let kept: Vec<_> = key.iter().copied().chain(left_out).collect();
    OnConflict::columns(key.iter().copied())
        .update_columns(rest::<E>(&kept))
        .to_owned()
}

/// All columns but these.
pub(super) fn rest<E: EntityTrait>(kept: &[E::Column]) -> Vec<E::Column> {
    E::Column::iter()
        .filter(|column| !kept.iter().any(|kept| kept.as_str() == column.as_str()))
        .collect()
}

/// Selects the columns of a table as `prefix` + name, so that tables can be read side by side.
pub(super) fn select_prefixed<E: EntityTrait>(
    select: &mut SelectStatement,
    prefix: &str,
    entity: E,
    left_out: Option<E::Column>,
) {
    for column in columns::<E>(left_out) {
        select.expr_as(
            Expr::col((entity.table_name(), column)),
            Alias::new(format!("{prefix}{}", column.as_str())),
        );
    }
}

/// Selects a table's rows without one column, which reads as empty text: what is large and not
/// looked at stays in the database.
pub(super) fn select_without<E: EntityTrait>(entity: E, left_out: E::Column) -> SelectStatement {
    let mut select = Query::select().from(entity.table_ref()).take();
    for column in columns::<E>(Some(left_out)) {
        select.column((entity.table_name(), column));
    }
    select.expr_as(Expr::val(""), left_out.as_str());
    select
}

fn columns<E: EntityTrait>(left_out: Option<E::Column>) -> Vec<E::Column> {
    E::Column::iter()
        .filter(|column| left_out.is_none_or(|out| out.as_str() != column.as_str()))
        .collect()
}
