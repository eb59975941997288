//! What the item is sold as, and how many pieces of it came.

use std::borrow::Cow;

use contract::item_lookup::{Effects, In, Wake};
use contract::state::{Item, ItemStatus};
use contract::{CorrectItem, ReceiveStock, RegisterItem, RetireItem};
use contract::{ItemCommandRefused, ItemCorrected, ItemRegistered, ItemRetired, StockReceived};

/// Whether the command took effect, or why not.
pub type Done = Result<(), String>;

/// Tells who asked that the command took no effect.
pub fn or_refuse<'a>(
    done: Done,
    id: &'a str,
    request_id: Cow<'a, str>,
    requester: Cow<'a, str>,
    out: &mut Effects<'a>,
) {
    if let Err(reason) = done {
        out.emit(ItemCommandRefused { item_id: id.into(), request_id, requester, reason: reason.into() });
    }
}

/// Why a command under a used request id has no effect.
pub const USED_BEFORE: &str = "the request_id was used before, with other content";

/// Refuses a command under whose request id the same sender asked for something else before.
pub fn refuse_conflict<'a>(input: In<'a>, id: &'a str, out: &mut Effects<'a>) {
    let (request_id, requester) = match input {
        In::RegisterItem(it) => (it.request_id, it.requester),
        In::CorrectItem(it) => (it.request_id, it.requester),
        In::RetireItem(it) => (it.request_id, it.requester),
        In::ReceiveStock(it) => (it.request_id, it.requester),
        // Not known by a request id: the engine gives none of them as a conflict.
        In::ReserveLine(_) | In::ReleaseLine(_) | In::ShipLine(_) | In::Wake(..) => return,
    };
    or_refuse(Err(USED_BEFORE.to_owned()), id, request_id, requester, out);
}

/// Puts an item on sale. Lines that waited for it go on.
pub fn register<'a>(it: &RegisterItem<'a>, now_ms: i64, item: &mut Item, out: &mut Effects<'a>) -> Done {
    let same = item.name == it.name && item.unit_price_minor == it.unit_price_minor && item.currency == it.currency;
    match item.status {
        ItemStatus::Unknown => offer(item, &it.name, it.unit_price_minor, &it.currency)?,
        ItemStatus::OnSale if same => return Ok(()),
        ItemStatus::OnSale => return Err("the item is registered with other content; correct it".to_owned()),
        ItemStatus::Retired => return on_sale(item),
    }
    item.status = ItemStatus::OnSale;
    item.releasing = item.parked > 0;
    if item.releasing {
        out.wake_at(now_ms, Wake::Release, "");
    }
    let (item_id, name, currency) = (it.item_id.clone(), it.name.clone(), it.currency.clone());
    out.emit(ItemRegistered { item_id, name, unit_price_minor: it.unit_price_minor, currency });
    Ok(())
}

/// Sells the item as something else from here on. What is reserved keeps its price.
pub fn correct<'a>(it: &CorrectItem<'a>, item: &mut Item, out: &mut Effects<'a>) -> Done {
    on_sale(item)?;
    offer(item, &it.name, it.unit_price_minor, &it.currency)?;
    let (item_id, name, currency) = (it.item_id.clone(), it.name.clone(), it.currency.clone());
    out.emit(ItemCorrected { item_id, name, unit_price_minor: it.unit_price_minor, currency });
    Ok(())
}

/// Ends the sale, for good.
pub fn retire<'a>(it: &RetireItem<'a>, item: &mut Item, out: &mut Effects<'a>) -> Done {
    on_sale(item)?;
    item.status = ItemStatus::Retired;
    out.emit(ItemRetired { item_id: it.item_id.clone() });
    Ok(())
}

/// Counts pieces whether or not the item is on sale: they are there.
///
/// On hand, reserved and shipped sum up to what was received. The sum is checked here, and only here can it rise, so
/// that no other sum of pieces can overflow.
pub fn receive<'a>(it: &ReceiveStock<'a>, item: &mut Item, out: &mut Effects<'a>) -> Done {
    let (item_id, quantity) = (it.item_id.clone(), it.quantity);
    if quantity < 1 {
        return Err(format!("quantity is {quantity}; 1 is the least"));
    }
    let before = item.on_hand + item.reserved + item.shipped;
    if before.checked_add(quantity).is_none() {
        return Err(format!("quantity is {quantity}, too many after {before}"));
    }
    item.on_hand += quantity;
    item.seq += 1;
    out.emit(StockReceived { item_id, quantity, item_seq: item.seq, on_hand: item.on_hand });
    Ok(())
}

fn on_sale(item: &Item) -> Done {
    match item.status {
        ItemStatus::OnSale => Ok(()),
        ItemStatus::Unknown => Err("the item is not registered".to_owned()),
        ItemStatus::Retired => Err("the item is retired".to_owned()),
    }
}

/// Sets what the item is sold as, unless the price or its currency is invalid.
fn offer(item: &mut Item, name: &str, unit_price_minor: i64, currency: &str) -> Done {
    if unit_price_minor < 0 {
        return Err(format!("unit_price_minor is {unit_price_minor}; 0 is the least"));
    }
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err("currency is not an ISO 4217 code: three capital letters".to_owned());
    }
    (item.name, item.unit_price_minor, item.currency) = (name.to_owned(), unit_price_minor, currency.to_owned());
    Ok(())
}
