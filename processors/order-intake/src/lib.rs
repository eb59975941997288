//! placeholder
use contract::order_intake::*;
pub fn handle<'a>(_event: Event<'a>, _state: &State<'_>) -> Handled<'a> { Ok(Effects::new()) }
