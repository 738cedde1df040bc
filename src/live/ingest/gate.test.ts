import { expect, test } from 'vitest'
import { LocalConnectionCounts } from '../../core/connection-counts.ts'
import { lookupOf } from '../../core/secrets.ts'
import type { MirrorEvent } from '../events.ts'
import { ownerOf } from '../ownership.ts'
import { Registry } from '../registry.ts'
import { DEFAULT_STREAM_SETTINGS } from '../settings.ts'
import { Gate } from './gate.ts'
import { MAX_UNACKED_BYTES, type ToOwner } from './protocol.ts'

const KEY_SECRET = Uint8Array.of(1, 2, 3)
const never = new AbortController().signal

function stream(id: string, key: string) {
  return {
    id,
    tenantId: 'default',
    settings: DEFAULT_STREAM_SETTINGS,
    dateRanges: [],
    holds: [],
    keyLookups: [lookupOf(key, KEY_SECRET)],
  }
}

function openGate(maxPublishers = 10, publishers = new LocalConnectionCounts()) {
  const sent: { readonly owner: number; readonly message: ToOwner }[] = []
  const events: MirrorEvent[] = []
  const gate = new Gate({
    name: 'g1',
    registry: new Registry([stream('one', 'key-one'), stream('two', 'key-two')]),
    keySecret: KEY_SECRET,
    owners: 4,
    maxPublishers,
    publishers,
    now: () => 1000,
    send: (owner, message) => sent.push({ owner, message }),
    emit: (event) => events.push(event),
  })
  return { gate, sent, events }
}

const input = { streamId: 'one', protocol: 'rtmp', container: 'flv', trackId: null } as const

async function openInput(opened: ReturnType<typeof openGate>, asked: Parameters<Gate['open']>[0] = input) {
  const { gate, sent } = opened
  const waiting = gate.open(asked, never)
  const { message } = sent.at(-1)!
  if (message.kind !== 'open') throw new Error('the owner was not asked')
  gate.onMessage({ kind: 'accepted', inputId: message.inputId })
  return { input: await waiting, inputId: message.inputId }
}

test.each([
  ['the stream and its key', 'one', 'key-one', { ok: true, streamId: 'one' }],
  ['the key alone', null, 'key-two', { ok: true, streamId: 'two' }],
  ["another stream's key", 'one', 'key-two', { ok: false, fault: { code: 'publish_key_wrong' } }],
  ['an unknown key', null, 'nonsense', { ok: false, fault: { code: 'publish_key_wrong' } }],
  ['an unknown stream', 'three', 'key-one', { ok: false, fault: { code: 'stream_not_found' } }],
  ['an impossible stream', '../one', 'key-one', { ok: false, fault: { code: 'stream_not_found' } }],
])('admission by %s', (_, streamId, key, expected) => {
  const { gate, events } = openGate()
  const admission = gate.authorise({ protocol: 'srt', streamId, key, remoteAddress: '127.0.0.1' })
  expect(admission).toMatchObject(expected)
  expect(events).toHaveLength(admission.ok ? 0 : 1)
  expect(JSON.stringify(events)).not.toContain(key)
})

test('the owner of the stream is asked, and what it says is the answer', async () => {
  const opened = openGate()
  await openInput(opened)
  expect(opened.sent[0]).toMatchObject({ owner: ownerOf('one', 4), message: { kind: 'open', streamId: 'one' } })

  const refused = opened.gate.open(input, never)
  const { message } = opened.sent.at(-1)!
  opened.gate.onMessage({ kind: 'ended', inputId: (message as { inputId: string }).inputId, fault: busy() })
  await expect(refused).rejects.toMatchObject({ code: 'stream_busy' })
  expect(opened.events.map(({ code }) => code)).toEqual(['stream_busy'])
})

function busy() {
  return { code: 'stream_busy', message: 'busy' } as const
}

test('more publishers than allowed are refused, and a place is free again when one has gone', async () => {
  const opened = openGate(1)
  const first = await openInput(opened)
  await expect(opened.gate.open({ ...input, streamId: 'two' }, never)).rejects.toMatchObject({
    code: 'publisher_limit',
  })
  first.input.close(null)
  await expect(openInput(opened)).resolves.toBeDefined()
})

test('an encoder that leaves before the owner has answered keeps no place, and the owner is told', async () => {
  const opened = openGate(1)
  const abort = new AbortController()
  const waiting = opened.gate.open(input, abort.signal)
  abort.abort(new Error('gone'))
  await expect(waiting).rejects.toThrow('gone')
  expect(opened.sent.map(({ message }) => message.kind)).toEqual(['open', 'close'])
  await expect(openInput(opened)).resolves.toBeDefined()
})

test('whoever is refused keeps no place', async () => {
  const opened = openGate(1)
  for (let attempt = 0; attempt < 3; attempt++) {
    const waiting = opened.gate.open(input, never)
    const { inputId } = opened.sent.at(-1)!.message
    opened.gate.onMessage({ kind: 'ended', inputId, fault: busy() })
    await expect(waiting).rejects.toMatchObject({ code: 'stream_busy' })
  }
})

test('a receiver stops reading while too much is under way, and goes on when half of it has been processed', async () => {
  const opened = openGate()
  const { input: opening, inputId } = await openInput(opened)
  let drains = 0
  opening.onDrain = () => drains++
  const chunk = new Uint8Array(4 * 1024 * 1024)
  for (let sent = 0; sent < MAX_UNACKED_BYTES; sent += chunk.length) expect(opening.write(chunk)).toBe(true)
  expect(opening.write(chunk)).toBe(false)
  opened.gate.onMessage({ kind: 'ack', inputId, processedBytes: 8 * 1024 * 1024 })
  expect(drains).toBe(0)
  opened.gate.onMessage({ kind: 'ack', inputId, processedBytes: 12 * 1024 * 1024 })
  expect(drains).toBe(1)
  expect(opening.write(chunk)).toBe(true)
})

test('an end that the owner decides is told once, and nothing is sent after it', async () => {
  const opened = openGate()
  const { input: opening, inputId } = await openInput(opened)
  const faults: string[] = []
  opening.onEnded = ({ code }) => faults.push(code)
  opened.gate.onMessage({ kind: 'ended', inputId, fault: { code: 'input_ended', message: '' } })
  opened.gate.onMessage({ kind: 'ended', inputId, fault: { code: 'input_ended', message: '' } })
  const before = opened.sent.length
  expect(opening.write(new Uint8Array(1))).toBe(false)
  opening.close(null)
  expect(faults).toEqual(['input_ended'])
  expect(opened.sent).toHaveLength(before)
})

test('an end that the receiver decided is not told back to it', async () => {
  const opened = openGate()
  const { input: opening, inputId } = await openInput(opened)
  opening.onEnded = () => expect.unreachable()
  opening.close(null)
  opening.close(null)
  opened.gate.onMessage({ kind: 'ended', inputId, fault: { code: 'input_ended', message: '' } })
  expect(opened.sent.filter(({ message }) => message.kind === 'close')).toHaveLength(1)
})

test('a new owner gets every input of the dead one, open or opening, and nobody else is disturbed', async () => {
  const opened = openGate()
  const first = await openInput(opened)
  const second = opened.gate.open(input, never)
  const secondId = opened.sent.at(-1)!.message.inputId
  opened.sent.length = 0
  opened.gate.onOwnerReplaced((ownerOf('one', 4) + 1) % 4)
  expect(opened.sent).toEqual([])
  opened.gate.onOwnerReplaced(ownerOf('one', 4))
  expect(opened.sent.map(({ message }) => [message.kind, message.inputId])).toEqual([
    ['open', first.inputId],
    ['open', secondId],
  ])
  opened.gate.onMessage({ kind: 'accepted', inputId: first.inputId })
  opened.gate.onMessage({ kind: 'accepted', inputId: secondId })
  expect((await second).write(new Uint8Array(1))).toBe(true)
})

test('a receiver that waited for the dead owner goes on reading', async () => {
  const opened = openGate()
  const { input: opening } = await openInput(opened)
  let drains = 0
  opening.onDrain = () => drains++
  while (opening.write(new Uint8Array(4 * 1024 * 1024)));
  opened.gate.onOwnerReplaced(ownerOf('one', 4))
  expect(drains).toBe(1)
  expect(opening.write(new Uint8Array(1))).toBe(true)
})

test('a shutdown tells every receiver, also those that still wait', async () => {
  const opened = openGate()
  const { input: opening } = await openInput(opened)
  const faults: string[] = []
  opening.onEnded = ({ code }) => faults.push(code)
  const waiting = opened.gate.open(input, never)
  opened.gate.closeAll({ code: 'origin_unavailable', message: 'shutting down' })
  await expect(waiting).rejects.toMatchObject({ code: 'origin_unavailable' })
  expect(faults).toEqual(['origin_unavailable'])
})
