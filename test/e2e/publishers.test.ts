import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { StreamView } from '../../src/api/stream-contract.ts'
import { pictureArgs } from '../support/encoder.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { Relay } from '../support/relay.ts'
import { RtmpClient, RtmpRefused } from '../support/rtmp-client.ts'
import { SrtCaller } from '../support/srt-caller.ts'

const EACH = 25
const SRT_OVERLOAD = 1402
/** Small pictures of one encoder per protocol: what is looked at are fifty connections, not the machine. */
const PICTURE = pictureArgs({ seconds: 600, size: '160x90', rate: '15', gop: 15 })

test('fifty publishers are live at once without a drop; the next one is refused by the status of its protocol', async () => {
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'mirror-publishers-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const config = join(folder, 'mirror.yml')
  await writeFile(config, `ingest: { maxPublishers: ${2 * EACH} }\n`)
  const mirror = opened.use(await MirrorProcess.start({ env: { MIRROR_CONFIG: config } }))
  const relays = { rtmp: opened.use(new Relay('flv', PICTURE)), srt: opened.use(new Relay('ts', PICTURE)) }
  const streams: StreamView[] = []
  for (let n = 0; n < EACH; n++) {
    for (const protocol of ['rtmp', 'srt'] as const) {
      const stream = await mirror.createStream(`${protocol}-${n}`)
      streams.push(stream)
      await relays[protocol === 'rtmp' ? 'rtmp' : 'srt'].connect(stream.ingest?.[protocol] ?? '')
    }
  }
  for (const { id } of streams) await mirror.waitForStatus(id, 'live', 60_000)
  await new Promise((resolve) => setTimeout(resolve, 5000))

  const extra = await mirror.createStream('one-too-many')
  const rtmp = new URL(extra.ingest?.rtmp ?? '')
  const client = await RtmpClient.connect({ port: Number(rtmp.port) })
  const refusal = await client.publish(`one-too-many${rtmp.search}`).catch((error: unknown) => error)
  expect(refusal).toBeInstanceOf(RtmpRefused)
  expect((refusal as RtmpRefused).status).toMatchObject({
    level: 'error',
    description: expect.stringMatching(/50 publishers are connected/),
  })
  const srt = new URL(extra.ingest?.srt ?? '')
  const caller = opened.use(new SrtCaller({ port: Number(srt.port), streamId: srt.searchParams.get('streamid') ?? '' }))
  // The limit is over all protocols.
  expect(await caller.rejectReason).toBe(SRT_OVERLOAD)
  await mirror.waitForEvent(({ code, streamId }) => code === 'publisher_limit' && streamId === 'one-too-many')

  const { streams: views } = await mirror.api<{ streams: StreamView[] }>('GET', '/streams?limit=100')
  const live = views.filter(({ id }) => id !== 'one-too-many')
  expect(live.map(({ status }) => status)).toEqual(Array(2 * EACH).fill('live'))
  expect(Object.fromEntries(live.map(({ id, live: { drops } }) => [id, drops]))).toEqual(
    Object.fromEntries(live.map(({ id }) => [id, {}])),
  )
})
