// Registers an item, places an order for it and waits for the outcome: kafkajs, avsc and docs/CLIENTS.md.
//
//   node client.mjs REQUEST_ID
//
// Environment: BOOTSTRAP, SCHEMAS (the folder schemas/released), REGISTRY (where the flow runs with one: its ids count
// then), REQUESTER (who asks; also the consumer group).

import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import avro from 'avsc'
import { Kafka, Partitioners, logLevel } from 'kafkajs'

const BOOTSTRAP = process.env.BOOTSTRAP ?? '127.0.0.1:9092'
const RELEASED = process.env.SCHEMAS ?? 'schemas/released'
const REGISTRY = process.env.REGISTRY
const REQUESTER = process.env.REQUESTER ?? 'shop'
// The version that this client writes of each record. A newer release does not change what it sends.
const VERSION = '1.0.0'
const WAIT_MS = 60_000

const TICKETS = '6f726465-7266-4c6f-b701-7469636b6574'
const NIL = Buffer.alloc(16)

const bytesOf = (uuid) => Buffer.from(uuid.replaceAll('-', ''), 'hex')

// UUIDv5.
function ticketOf(requester, requestId) {
  const hash = createHash('sha1').update(bytesOf(TICKETS)).update(`${requester}\0${requestId}`).digest()
  hash[6] = (hash[6] & 0x0f) | 0x50
  hash[8] = (hash[8] & 0x3f) | 0x80
  return hash.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

// Schemas. Each released file is complete in itself, so each is parsed with names of its own.

const file = (record, version) => readFileSync(join(RELEASED, record, `${version}.avsc`), 'utf8')
const locked = () => JSON.parse(readFileSync(join(RELEASED, 'local.lock.json'), 'utf8'))

async function askRegistry(path, body) {
  const headers = { 'Content-Type': 'application/json' }
  const request = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers }
  const answer = await fetch(REGISTRY + path, { ...request, signal: AbortSignal.timeout(30_000) })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}

// The id that stands for our version of a record, and the schema.
async function toWrite(topic, record) {
  const text = file(record, VERSION)
  const type = avro.Type.forSchema(JSON.parse(text))
  if (REGISTRY) {
    // Asks which id exactly this schema has; it registers nothing.
    const found = await askRegistry(`/subjects/${topic}-${type.name}`, { schema: text })
    return { id: found.id, type }
  }
  const entry = locked().find((it) => it.record === record && it.version === VERSION)
  if (!entry) throw new Error(`${record} ${VERSION} was not released`)
  return { id: entry.id, type }
}

// The schema that a record was written with, whatever its version.
const types = new Map()
async function toRead(id) {
  if (!types.has(id)) {
    let text
    if (REGISTRY) {
      text = (await askRegistry(`/schemas/ids/${id}`)).schema
    } else {
      const entry = locked().find((it) => it.id === id)
      if (!entry) throw new Error(`no schema has the id ${id}`)
      text = file(entry.record, entry.version)
    }
    types.set(id, avro.Type.forSchema(JSON.parse(text)))
  }
  return types.get(id)
}

// Framing: a zero byte, the schema id as four bytes, big endian, and one Avro datum.

async function encode(topic, record, fields) {
  const { id, type } = await toWrite(topic, record)
  const frame = Buffer.alloc(5)
  frame.writeUInt32BE(id, 1)
  return Buffer.concat([frame, type.toBuffer(fields)])
}

async function decode(value) {
  if (value.length < 5 || value[0] !== 0) throw new Error('not framed')
  const type = await toRead(value.readUInt32BE(1))
  return { record: type.name.split('.').at(-1), fields: type.fromBuffer(value.subarray(5)) }
}

const meta = (ticket) => ({
  event_id: bytesOf(randomUUID()),
  ticket_id: ticket ? bytesOf(ticket) : NIL,
  cause: NIL,
  occurred_at: Date.now(),
  schema_version: VERSION,
})

// Resolves once the broker has it. One record at a time: the next batch leaves when this one is confirmed. The same bytes
// may be sent again as often as needed; they take effect once.
async function send(producer, topic, key, record, fields) {
  const value = await encode(topic, record, fields)
  await producer.send({ topic, acks: -1, messages: [{ key, value }] })
}

// Prints each answer to this request once and resolves to the name of the last.
function answers(consumer, ticket) {
  const seen = new Set()
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`no outcome within ${WAIT_MS} ms`)), WAIT_MS).unref()
    const eachMessage = async ({ message }) => {
      if (message.key?.toString() !== ticket) return
      const { record, fields } = await decode(message.value)
      const eventId = fields.meta.event_id.toString('hex')
      if (seen.has(eventId)) return
      seen.add(eventId)
      const { meta: _, ...rest } = fields
      console.log(record, JSON.stringify(rest))
      if (['Completed', 'Failed', 'Rejected'].includes(record)) resolve(record)
    }
    consumer.run({ eachMessage }).catch(reject)
  })
}

async function main(requestId) {
  const kafka = new Kafka({ clientId: REQUESTER, brokers: BOOTSTRAP.split(','), logLevel: logLevel.ERROR })
  const producer = kafka.producer({
    // Kafka's own murmur2. LegacyPartitioner, the default of kafkajs 1, puts keys elsewhere.
    createPartitioner: Partitioners.DefaultPartitioner,
    idempotent: true,
    maxInFlightRequests: 1,
  })
  // kafkajs reads what is committed unless it is told otherwise.
  const consumer = kafka.consumer({ groupId: REQUESTER, readUncommitted: false })
  await Promise.all([producer.connect(), consumer.connect()])
  try {
    // An answer may come before the group is ready.
    await consumer.subscribe({ topics: ['order-replies.v1'], fromBeginning: true })

    // Stock first: when the item is registered, orders that wait for it find it in stock.
    const item = { item_id: `${REQUESTER}-lamp`, requester: REQUESTER }
    const stock = { meta: meta(), ...item, request_id: 'ReceiveStock-1', quantity: 100 }
    await send(producer, 'item-commands.v1', item.item_id, 'ReceiveStock', stock)
    const sold = { name: 'Lamp', unit_price_minor: 1999, currency: 'EUR' }
    const register = { meta: meta(), ...item, request_id: 'RegisterItem-1', ...sold }
    await send(producer, 'item-commands.v1', item.item_id, 'RegisterItem', register)

    const ticket = ticketOf(REQUESTER, requestId)
    const order = {
      meta: meta(ticket),
      order_id: ticket,
      request_id: requestId,
      requester: REQUESTER,
      reply_to: 'order-replies.v1',
      customer_id: 'customer-1',
      lines: [{ line_no: 1, item_id: item.item_id, quantity: 3 }],
      wait_until: null,
    }
    console.log('ticket', ticket)
    await send(producer, 'order-commands.v1', ticket, 'PlaceOrder', order)
    return await answers(consumer, ticket)
  } finally {
    await Promise.all([producer.disconnect(), consumer.disconnect()])
  }
}

if (process.argv.length !== 3) {
  console.error('usage: node client.mjs REQUEST_ID')
  process.exit(2)
}
main(process.argv[2]).then(
  (record) => process.exit(record === 'Completed' ? 0 : 1),
  (error) => {
    console.error(error)
    process.exit(1)
  },
)
