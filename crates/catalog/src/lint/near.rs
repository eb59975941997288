//! "Did you mean": the known name that is nearest to an unknown one.

/// `; did you mean "x"?` for the nearest known name, or nothing when none is near.
pub fn did_you_mean<'n>(unknown: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    nearest(unknown, known).map_or_else(String::new, |name| format!("; did you mean \"{name}\"?"))
}

/// The nearest of the known names; the first of several. A third of the letters may differ, and case does not count.
pub fn nearest<'n>(unknown: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let other = known.into_iter().filter(|name| *name != unknown);
    let unknown = unknown.to_lowercase();
    let limit = (unknown.chars().count() / 3).max(1);
    let near = other.map(|name| (distance(&unknown, &name.to_lowercase()), name));
    near.filter(|(far, _)| *far <= limit).min_by_key(|(far, _)| *far).map(|(_, name)| name)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![vec![0; other.len() + 1]; one.len() + 1];
    for (at, row) in rows.iter_mut().enumerate() {
        row[0] = at;
    }
    rows[0] = (0..=other.len()).collect();
    for i in 1..=one.len() {
        for j in 1..=other.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let known = ["orders.v1", "order-events.v1", "items.v1"];
        let pairs = [
            ("order.v1", Some("orders.v1")),
            ("odrers.v1", Some("orders.v1")),
            ("Orders.v1", Some("orders.v1")),
            ("orders.v2", Some("orders.v1")),
            ("order-event.v1", Some("order-events.v1")),
            ("payments.v1", None),
            ("x", None),
        ];
        for (unknown, expected) in pairs {
            assert_eq!(nearest(unknown, known), expected, "{unknown}");
        }
        assert_eq!(
            (distance("", "ab"), distance("ab", "ba"), distance("kitten", "sitting"), distance("a", "a")),
            (2, 1, 3, 0)
        );
    }
}
