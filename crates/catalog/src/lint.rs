//! What must hold between topics.yaml and schemas/.

use crate::Problem;
use crate::map::Map;
use crate::schema::Schemas;

pub fn run(_map: &Map, _schemas: &Schemas, _yaml: &str, _problems: &mut Vec<Problem>) {}
