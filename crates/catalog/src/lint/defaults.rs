//! Defaults: of the field's type, and of a shape that the generator can write in Rust.

use serde_json::Value;

use crate::lint::Lint;
use crate::{Definition, Rule, Shape, Type};

impl Lint<'_> {
    pub(super) fn defaults(&mut self, it: &Definition) {
        for field in it.fields() {
            let Some(value) = &field.default else { continue };
            if !self.fits(&field.ty, value) || (matches!(field.ty, Type::Optional(_)) && !null_first(it, &field.name)) {
                let what = format!("record \"{}\", field \"{}\": default {value}", it.full, field.name);
                self.in_field(Rule::DefaultInvalid, it, field, what);
            }
        }
    }

    fn fits(&self, ty: &Type, value: &Value) -> bool {
        match ty {
            Type::Boolean => value.is_boolean(),
            Type::Int => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            Type::Long => value.as_i64().is_some(),
            Type::Float | Type::Double => value.as_f64().is_some_and(f64::is_finite),
            Type::String => value.is_string(),
            Type::Optional(_) => value.is_null(),
            Type::Array(_) => value.as_array().is_some_and(Vec::is_empty),
            Type::Named(full) => match self.schemas.get(full).map(|named| &named.shape) {
                Some(Shape::Enum { symbols, .. }) => {
                    value.as_str().is_some_and(|symbol| symbols.iter().any(|other| other == symbol))
                }
                _ => false,
            },
        }
    }
}

/// Avro specification, "Unions": a default is of the first branch.
fn null_first(it: &Definition, field: &str) -> bool {
    let fields = it.json.get("fields").and_then(Value::as_array).into_iter().flatten();
    let mut same = fields.filter(|json| json.get("name").and_then(Value::as_str) == Some(field));
    same.any(|json| json.pointer("/type/0").and_then(Value::as_str) == Some("null"))
}
