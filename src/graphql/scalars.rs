//! `DateTime`, the API's own scalar.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

use crate::domain::time::Time;

/// A moment, as the API writes and reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime(pub Time);

/// A moment in UTC to the millisecond, always written `2026-11-23T10:00:00.123Z`. As input, RFC 3339
/// with a `T` and any offset is taken; digits beyond milliseconds are cut.
#[Scalar(name = "DateTime")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Time::parse(text).map(DateTime).ok_or_else(|| {
                InputValueError::custom(
                    "not a DateTime: want RFC 3339, as in 2026-11-23T10:00:00.123Z",
                )
            }),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    /// Judged before anything runs, so that the refusal names the argument.
    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if Time::parse(text).is_some())
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl From<Time> for DateTime {
    fn from(time: Time) -> Self {
        Self(time)
    }
}
