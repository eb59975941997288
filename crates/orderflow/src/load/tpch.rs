//! TPC-H rows as an order flow needs them, one at a time.

use std::sync::OnceLock;

use tpchgen::distribution::Distributions;
use tpchgen::generators::{LineItem, LineItemGenerator, OrderGenerator, PartGenerator, PartSuppGenerator};
use tpchgen::text::TextPool;

/// Suppliers of a part, and so its deliveries.
pub const SUPPLIERS: usize = 4;

/// A row of PART with the available quantities of its rows of PARTSUPP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRow {
    pub key: i64,
    pub name: String,
    /// p_retailprice in cents.
    pub price_minor: i64,
    pub available: [i64; SUPPLIERS],
}

/// A row of ORDERS with its rows of LINEITEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    pub key: i64,
    pub customer: i64,
    pub lines: Vec<LineRow>,
}

/// A row of LINEITEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineRow {
    pub line_no: i32,
    pub part: i64,
    pub quantity: i64,
    /// l_extendedprice in cents.
    pub extended_price_minor: i64,
}

/// Comments are the one thing that an order flow does not need: they come from a small pool in place of the
/// standard's 300 MB. No other column depends on it.
fn text() -> &'static TextPool {
    const POOL_BYTES: i32 = 64 << 10;
    static TEXT: OnceLock<TextPool> = OnceLock::new();
    TEXT.get_or_init(|| TextPool::new(POOL_BYTES, Distributions::static_default()))
}

/// All parts, by key.
pub fn parts(scale: f64) -> impl Iterator<Item = PartRow> {
    let words = Distributions::static_default();
    let mut stock = PartSuppGenerator::new_with_text_pool(scale, 1, 1, text()).iter();
    PartGenerator::new_with_distributions_and_text_pool(scale, 1, 1, words, text()).iter().map(move |part| PartRow {
        key: part.p_partkey,
        name: part.p_name.to_string(),
        price_minor: part.p_retailprice.into_inner(),
        available: std::array::from_fn(|_| stock.next().map_or(0, |row| i64::from(row.ps_availqty))),
    })
}

/// All lines, order by order.
fn lines(scale: f64) -> impl Iterator<Item = LineItem<'static>> {
    let words = Distributions::static_default();
    LineItemGenerator::new_with_distributions_and_text_pool(scale, 1, 1, words, text()).iter()
}

/// All orders, in the order of their keys.
pub fn orders(scale: f64) -> impl Iterator<Item = OrderRow> {
    let words = Distributions::static_default();
    let mut lines = lines(scale).peekable();
    OrderGenerator::new_with_distributions_and_text_pool(scale, 1, 1, words, text()).iter().map(move |order| {
        let mut row = OrderRow { key: order.o_orderkey, customer: order.o_custkey, lines: Vec::new() };
        while let Some(line) = lines.next_if(|line| line.l_orderkey == row.key) {
            row.lines.push(LineRow {
                line_no: line.l_linenumber,
                part: line.l_partkey,
                quantity: line.l_quantity,
                extended_price_minor: line.l_extendedprice.into_inner(),
            });
        }
        row
    })
}

/// Pieces that all orders together want of each part (by key - 1), the number of orders and of lines.
pub fn demand(scale: f64, parts: usize) -> (Vec<i64>, u64, u64) {
    let mut demand = vec![0; parts];
    let (mut orders, mut count, mut last) = (0, 0, None);
    for line in lines(scale) {
        count += 1;
        orders += u64::from(last.replace(line.l_orderkey) != Some(line.l_orderkey));
        if let Some(wanted) = demand.get_mut((line.l_partkey - 1) as usize) {
            *wanted += line.l_quantity;
        }
    }
    (demand, orders, count)
}
