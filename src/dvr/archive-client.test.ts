import { setImmediate as immediate } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { ArchiveClient } from './archive-client.ts'
import type { ArchiveAnswer } from './archive-requests.ts'

const PAST: ArchiveAnswer = { kind: 'past', tracks: [] }
const ask = (client: ArchiveClient, timeoutMs: number) =>
  client.ask({ kind: 'past', streamId: 'one', fromMs: 0 }, { timeoutMs })

test('what is not answered in time has failed, and is not worked on any more', async () => {
  const cancelled: number[] = []
  const client = new ArchiveClient(
    () => {},
    (id) => cancelled.push(id),
  )
  expect(await ask(client, 50)).toMatchObject({ kind: 'failed', code: 'origin_unavailable' })
  expect(cancelled).toEqual([1])
})

test('an answer that came while the thread stood still is an answer', async () => {
  const { port1, port2 } = new MessageChannel()
  const client = new ArchiveClient(
    (id) => port1.postMessage(id),
    () => {},
  )
  port2.on('message', (id: number) => client.onAnswer(id, PAST))
  await immediate() // What runs next are timers.
  const answer = ask(client, 200)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400)
  expect(await answer).toEqual(PAST)
  port1.close()
})
