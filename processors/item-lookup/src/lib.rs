//! placeholder
use contract::item_lookup::*;
pub fn handle<'a>(_event: Event<'a>, _state: &State<'_>) -> Handled<'a> { Ok(Effects::new()) }
