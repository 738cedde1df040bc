// Recordings of calls over HTTP, from a form or an address to a link, on whatever store.
import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { EventPageView } from '../../src/api/event-contract.ts'
import type { JobView } from '../../src/api/job-contract.ts'
import type { RecordingLinkView, RecordingPageView, RecordingView } from '../../src/api/recording-contract.ts'
import { sweepRecordings } from '../../src/library/recordings/sweep-recordings.ts'
import { parseObjectKey } from '../../src/storage/keys.ts'
import type { ObjectKey } from '../../src/storage/object-store.ts'
import type { TieredStore } from '../../src/storage/tiers.ts'
import { type RecordingApi, startRecordingApi, wav } from '../support/recording-api.ts'
import { callRecording } from './recordings.ts'

const signal = new AbortController().signal
const DAY_MS = 86_400_000

/** `colder`: the tiers that the store keeps besides the hot one, hottest first. */
export function callRecordingContract(
  name: string,
  colder: readonly ('warm' | 'cold')[],
  open: () => Promise<TieredStore>,
): void {
  describe(`recordings of calls in ${name}`, () => {
    let store: TieredStore
    let api: RecordingApi

    beforeEach(async () => {
      store = await open()
      api = await startRecordingApi(store)
    })
    afterEach(async () => {
      await api[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    })

    const list = (query = '') => api.json<RecordingPageView>(`/api/v1/recordings${query}`)
    const events = async (id: string) => {
      await api.server.events.flush()
      const { events: all } = await api.json<EventPageView>('/api/v1/events?limit=100')
      return all.filter(({ details }) => details['recordingId'] === id).reverse()
    }
    const linkOf = async (id: string, query = '') =>
      await api.json<RecordingLinkView>(`/api/v1/recordings/${id}/url${query}`)
    const atLink = ({ url }: Pick<RecordingLinkView, 'url'>) =>
      `${api.url}${new URL(url).pathname}${new URL(url).search}`
    async function stored(): Promise<string[]> {
      const keys: string[] = []
      for await (const { key } of store.list('recordings/', { signal })) keys.push(key)
      return keys
    }
    async function sent(fields: Parameters<RecordingApi['send']>[0]): Promise<RecordingView> {
      const response = await api.send(fields)
      expect(response.status).toBe(201)
      return (await response.json()) as RecordingView
    }

    test('what a PBX sends is stored, verified, completed, and comes back byte by byte', async () => {
      const file = wav(3, 2)
      const metadata = { agent: 'Ünal', queue: ['a', 1] }
      const fields = { callId: 'call 7', legId: 'b', format: 'wav', duration: '3.4', channels: '2' }
      const received = await sent({ ...fields, metadata: JSON.stringify(metadata), file })
      expect(received).toMatchObject({ status: 'STORED', callId: 'call 7', legId: 'b', durationSec: null })
      const sha256 = createHash('sha256').update(file).digest('hex')
      expect(await api.ended(received.id)).toMatchObject({
        ...{ status: 'COMPLETED', failure: null, sizeBytes: file.byteLength, sha256, metadata, fileName: 'Anruf.wav' },
        ...{ durationSec: 3, channels: 2, sampleRateHz: 8000, codec: 'pcm_s16le', format: 'wav', tier: 'hot' },
        ...{ contentType: 'audio/wav', truncated: false, issues: [], sourceUrl: null, deletedAt: null },
        expected: { format: 'wav', durationSec: 3.4, channels: 2 },
      })
      const link = await linkOf(received.id, '?expiresIn=60')
      expect(link.expiresIn).toBe(60)
      const whole = await fetch(atLink(link))
      expect(whole.headers.get('content-disposition')).toBe('inline; filename="call 7.wav"')
      expect(Buffer.compare(Buffer.from(await whole.arrayBuffer()), file)).toBe(0)
      const part = await fetch(atLink(link), { headers: { range: 'bytes=1000-1999' } })
      expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 1000-1999/${file.byteLength}`])
      expect(Buffer.compare(Buffer.from(await part.arrayBuffer()), file.subarray(1000, 2000))).toBe(0)
      expect((await fetch(atLink(link), { headers: { range: `bytes=${file.byteLength}-` } })).status).toBe(416)
      const head = await fetch(atLink(link), { method: 'HEAD' })
      expect([head.status, head.headers.get('content-length')]).toEqual([200, String(file.byteLength)])
      expect(await api.json(`/api/v1/recordings/${received.id}/waveform`)).toEqual({
        ...{ version: 1, durationSec: 3, sampleRateHz: 8000, channels: 1, samplesPerPeak: 4, length: 1, data: [-5, 7] },
      })
      expect((await events(received.id)).map(({ type }) => type)).toEqual([
        ...['recording.received', 'recording.stored', 'recording.verified', 'recording.completed'],
      ])
    })

    test('fields may stand behind the file, and empty ones say nothing', async () => {
      const received = await sent({ file: wav(1), legId: '', duration: '', metadata: '', callId: 'late' })
      expect(received).toMatchObject({ callId: 'late', legId: null, metadata: {}, expected: { durationSec: null } })
      expect((await api.ended(received.id)).status).toBe('COMPLETED')
    })

    test('a call that was cut short is told, not hidden, and kept all the same', async () => {
      const received = await sent({ callId: 'cut', duration: '61', channels: '2', file: wav(1) })
      const ended = await api.ended(received.id)
      expect(ended).toMatchObject({ status: 'COMPLETED', truncated: true, durationSec: 1 })
      expect(ended.issues.map(({ kind }) => kind)).toEqual(['truncated', 'channels'])
      const told = (await events(received.id)).find(({ type }) => type === 'recording.mismatch')
      expect(told).toMatchObject({ severity: 'warning', code: 'recording_truncated' })
      expect(told?.message).toContain('lasted 61 s')
    })

    test('what is named wrongly is what its bytes are', async () => {
      const received = await sent({ callId: 'x', format: 'mp3', file: wav(1) })
      expect(await api.ended(received.id)).toMatchObject({ format: 'wav', issues: [{ kind: 'format' }] })
    })

    test('a form that is wrong is refused by name, and nothing is kept', async () => {
      const forms: readonly [string, Parameters<RecordingApi['send']>[0], RegExp][] = [
        ['no call', { file: wav(1) }, /"callId"/],
        ['no file', { callId: 'a' }, /"file" is missing/],
        ['a duration that is none', { callId: 'a', duration: 'long', file: wav(1) }, /"duration"/],
        ['a field nobody knows', { callId: 'a', color: 'red', file: wav(1) }, /"color" is not known/],
        ['metadata that are no JSON', { callId: 'a', metadata: '{', file: wav(1) }, /"metadata" must be JSON/],
        [
          'metadata that are too long',
          { callId: 'a', metadata: `{"a":"${'b'.repeat(17_000)}"}`, file: wav(1) },
          /metadata/,
        ],
        ['a call with a zero byte', { callId: 'a\0b', file: wav(1) }, /"callId"/],
        ['a wrong field behind the file', { callId: 'a', file: wav(1), channels: '0' }, /"channels"/],
      ]
      for (const [what, fields, words] of forms) {
        const response = await api.send(fields)
        const problem = (await response.json()) as { code: string; detail: string }
        expect([response.status, problem.code], what).toEqual([400, 'invalid_request'])
        expect(problem.detail, what).toMatch(words)
        expect([await stored(), (await list()).total], what).toEqual([[], 0])
      }
    })

    test.each([
      ['no bytes', new Uint8Array(0), 400, 'upload_empty'],
      ['too many bytes', new Uint8Array(2 ** 20 + 1), 413, 'payload_too_large'],
    ])('a file of %s fails, says so, and leaves no bytes', async (_, file, status, code) => {
      const response = await api.send({ callId: 'a', file })
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([status, code])
      const { recordings } = await list('?callId=a')
      expect(recordings).toMatchObject([{ status: 'FAILED', failure: { code } }])
      expect(await stored()).toEqual([])
      expect((await events(recordings[0]?.id ?? '')).at(-1)).toMatchObject({ type: 'recording.failed', code })
    })

    test('a connection that is cut leaves a recording that failed, and no bytes', async () => {
      const { hostname, port } = new URL(api.url)
      const socket = connect(Number(port), hostname)
      const head = '--B\r\nContent-Disposition: form-data; name="callId"\r\n\r\ncut\r\n'
      const file = '--B\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
      socket.write(
        `POST /api/v1/recordings/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${api.options.adminToken}\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: 500000\r\n\r\n${head}${file}${'x'.repeat(100_000)}`,
      )
      await expect.poll(async () => (await list('?status=PROCESSING')).total).toBe(1)
      socket.destroy()
      await expect
        .poll(async () => (await list('?status=FAILED')).recordings[0]?.failure?.code)
        .toBe('upload_interrupted')
      expect(await stored()).toEqual([])
    })

    test('what an address hands out is pulled, its secrets are shown to nobody', async () => {
      const file = wav(2)
      const url = 'https://pbx:geheim@pbx.example/7.wav?token=geheim'
      api.pulls.set(url, async () => ({
        chunks: once(file),
        declaredBytes: file.byteLength,
        async [Symbol.asyncDispose]() {},
      }))
      const response = await api.request('/api/v1/recordings/upload', {
        method: 'POST',
        body: { callId: 'pulled', url, duration: 2 },
      })
      expect(response.status).toBe(202)
      const { id, status } = (await response.json()) as RecordingView
      expect(status).toBe('RECEIVED')
      const ended = await api.ended(id)
      expect(ended).toMatchObject({ status: 'COMPLETED', durationSec: 2, format: 'wav' })
      expect(ended.sourceUrl).toMatch(/^https:\/\/\*\*\*@pbx\.example\/7\.wav\?token=\*\*\*$/)
      expect(JSON.stringify([ended, await events(id), await api.json('/api/v1/jobs')])).not.toContain('geheim')
      expect(JSON.stringify(await api.catalog.recordings.get('default', id))).not.toContain('geheim')
    })

    test('a worker that slept through its lease takes nothing from the one that came after it', async () => {
      const url = 'http://pbx.example/slow.wav'
      const slept = Promise.withResolvers<void>()
      const began = Promise.withResolvers<void>()
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield wav(1)
        began.resolve()
        await slept.promise
        throw new Error('it woke up too late')
      }
      const gaveUp = Promise.withResolvers<void>()
      const bodies = [
        { chunks: broken(), declaredBytes: null, [Symbol.asyncDispose]: async () => gaveUp.resolve() },
        { chunks: once(wav(2)), declaredBytes: null, [Symbol.asyncDispose]: async () => {} },
      ]
      api.pulls.set(url, async () => {
        const next = bodies.shift()
        if (next === undefined) throw new Error('it was asked for a third time')
        return next
      })
      const body = { callId: 'twice', url }
      const response = await api.request('/api/v1/recordings/upload', { method: 'POST', body })
      const { id } = (await response.json()) as RecordingView
      await began.promise
      await api.catalog.jobs.endLeases(api.options.clock())
      expect(await api.ended(id)).toMatchObject({ status: 'COMPLETED', durationSec: 2 })
      slept.resolve()
      await gaveUp.promise
      expect((await (await fetch(atLink(await linkOf(id)))).arrayBuffer()).byteLength).toBe(wav(2).byteLength)
    })

    test('an address that cannot be had ends the recording with the cause', async () => {
      const body = { callId: 'away', url: 'http://pbx.example/away.wav' }
      const response = await api.request('/api/v1/recordings/upload', { method: 'POST', body })
      const { id } = (await response.json()) as RecordingView
      expect(await api.ended(id)).toMatchObject({
        status: 'FAILED',
        failure: { code: 'stream_offline' },
        sizeBytes: null,
      })
      expect((await api.request(`/api/v1/recordings/${id}/url`)).status).toBe(409)
      expect((await api.request(`/api/v1/recordings/${id}/backfill`, { method: 'POST' })).status).toBe(409)
    })

    test('what is no address of the web is not pulled', async () => {
      for (const url of ['ftp://pbx/a.wav', 'file:///etc/passwd', 'http://a b', 'pbx/a.wav', '']) {
        const response = await api.request('/api/v1/recordings/upload', { method: 'POST', body: { callId: 'a', url } })
        expect([response.status, (await list()).total], url).toEqual([400, 0])
      }
    })

    test('what is no sound fails, and stays as it came, for saving only', async () => {
      const page = new TextEncoder().encode('<!doctype html><script>alert(1)</script>')
      const { id } = await sent({ callId: 'page', file: new Uint8Array(page) })
      expect(await api.ended(id)).toMatchObject({ status: 'FAILED', failure: { code: 'content_unsupported' } })
      const answer = await fetch(atLink(await linkOf(id)))
      expect(answer.headers.get('content-type')).toBe('application/octet-stream')
      expect(answer.headers.get('content-disposition')).toMatch(/^attachment/)
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(await answer.text()).toContain('<script>')
    })

    test('bytes that changed in the store are found out; a look at them again takes them as they are, and tells', async () => {
      const { id, storageKey } = await sent({ callId: 'rot', file: wav(1) })
      await api.ended(id)
      const other = wav(2)
      await store.put(parseObjectKey(storageKey) as ObjectKey, other, { signal, contentType: 'audio/wav' })
      const row = await api.catalog.recordings.change('default', id, { status: 'STORED', updatedAtMs: 0 })
      await sweep()
      expect(row?.status).toBe('STORED')
      expect(await api.ended(id)).toMatchObject({
        status: 'FAILED',
        failure: { code: 'recording_damaged' },
        durationSec: 1,
      })
      expect((await api.request(`/api/v1/recordings/${id}/backfill`, { method: 'POST' })).status).toBe(202)
      const mended = await api.ended(id)
      expect(mended).toMatchObject({ status: 'COMPLETED', durationSec: 2, sizeBytes: other.byteLength, failure: null })
      expect(mended.issues.map(({ kind }) => kind)).toEqual(['checksum'])
    })

    const sweep = (goneBeforeMs = api.options.clock() - 60_000) =>
      sweepRecordings(
        {
          book: api.options.recordings.book,
          recordings: api.catalog.recordings,
          start: (job) => api.options.jobs.add(job),
          deletesDue: true,
          now: api.options.clock,
        },
        goneBeforeMs,
      )

    test('what was found half-way goes on, or has failed with a cause', async () => {
      const file = wav(1)
      const { id: done } = await sent({ callId: 'done', file })
      const { storageKey, sha256 } = await api.ended(done)
      const facts = { objectKey: storageKey, sizeBytes: file.byteLength, sha256, updatedAtMs: api.options.clock() }
      await api.catalog.recordings.add(callRecording('stored', { ...facts, status: 'STORED' }))
      await api.catalog.recordings.add(callRecording('verified', { ...facts, status: 'VERIFIED', durationMs: 1000 }))
      await api.catalog.recordings.add(callRecording('dead', { updatedAtMs: api.options.clock() }))
      const url = 'http://pbx.example/a.wav'
      api.pulls.set(url, async () => ({ chunks: once(file), declaredBytes: null, async [Symbol.asyncDispose]() {} }))
      const sealedSourceUrl = api.options.secrets.seal(url)
      await api.catalog.recordings.add(callRecording('pulling', { sealedSourceUrl, updatedAtMs: api.options.clock() }))
      // Somebody may be at it still; who has just died at the start of the only process is not.
      expect(await sweep()).toMatchObject({ resumed: 3, failed: 0 })
      expect(await sweep(api.options.clock() + 1)).toMatchObject({ failed: 1 })
      for (const id of ['stored', 'verified', 'pulling']) expect((await api.ended(id)).status, id).toBe('COMPLETED')
      expect(await api.ended('dead')).toMatchObject({ status: 'FAILED', failure: { code: 'upload_interrupted' } })
      expect(await sweep(api.options.clock() + 1)).toEqual({ resumed: 0, failed: 0, due: 0 })
    })

    /** Everything is due for the tier now. */
    const growOld = async (tier: 'warm' | 'cold') => {
      const body = { hotToWarmDays: 1, warmToColdDays: tier === 'cold' ? 2 : 0, retentionDays: 0 }
      await api.json('/api/v1/recordings/policy', { method: 'PUT', body })
      api.clock.skipMs = 3 * DAY_MS
    }
    const resultOfMoving = async () => {
      const { job } = await api.options.jobs.add({ kind: 'recording-tiers', tenantId: 'default', payload: {} })
      for (;;) {
        const seen = await api.json<JobView>(`/api/v1/jobs/${job.id}`)
        if (seen.state === 'done' || seen.state === 'failed') return seen.result
        await delay(10)
      }
    }

    test('what goes to a colder tier is kept as FLAC where that is wished, and is found and checked as that', async () => {
      const file = wav(4, 2)
      const { id, storageKey } = await sent({ callId: 'old', file })
      const { sha256, sizeBytes } = await api.ended(id)
      const [tier = 'warm'] = colder
      api.coldFormat = 'flac'
      await growOld(tier)
      expect(await resultOfMoving()).toEqual(expect.objectContaining({ [tier]: 1 }))
      const kept = await api.json<RecordingView>(`/api/v1/recordings/${id}`)
      expect(kept).toMatchObject({ tier, format: 'flac', codec: 'flac', durationSec: 4, channels: 2 })
      expect(kept.original).toEqual({ format: 'wav', codec: 'pcm_s16le', sizeBytes, sha256 })
      expect(kept.sizeBytes).toBeLessThan(0.9 * (sizeBytes ?? 0))
      expect(await store.head(parseObjectKey(storageKey) as ObjectKey, { signal })).toBeNull()
      const heard = await fetch(atLink(await linkOf(id)))
      expect(heard.headers.get('content-type')).toBe('audio/flac')
      const bytes = Buffer.from(await heard.arrayBuffer())
      expect(bytes.toString('latin1', 0, 4)).toBe('fLaC')
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(kept.sha256)
    })

    test(`what grows old goes to ${colder.join(', then to ')}, by the ledger, and plays as before`, async () => {
      const file = wav(1)
      const { id, storageKey } = await sent({ callId: 'old', file })
      await api.ended(id)
      for (const tier of colder) {
        await growOld(tier)
        expect(await resultOfMoving()).toMatchObject({ [tier]: 1 })
        expect(await api.json(`/api/v1/recordings/${id}`)).toMatchObject({ tier, status: 'COMPLETED' })
        expect(await store.head(parseObjectKey(storageKey) as ObjectKey, { signal })).toMatchObject({ tier })
        const heard = await fetch(atLink(await linkOf(id)))
        expect(Buffer.compare(Buffer.from(await heard.arrayBuffer()), file)).toBe(0)
      }
      expect(await resultOfMoving()).toMatchObject(Object.fromEntries(colder.map((tier) => [tier, 0])))
      const entries = await api.catalog.ledger.history({ keys: [storageKey], limit: 20 })
      expect(
        entries
          .filter(({ state }) => state === 'done')
          .map(({ to }) => to)
          .toSorted(),
      ).toEqual(colder.toSorted())
    })

    test('what is deleted is seen by nobody, by no link, and its bytes go, which the ledger says', async () => {
      const { id, storageKey } = await sent({ callId: 'gone', file: wav(1) })
      await api.ended(id)
      const link = await linkOf(id)
      expect(await stored()).toHaveLength(2)
      expect((await api.request(`/api/v1/recordings/${id}`, { method: 'DELETE' })).status).toBe(204)
      for (const path of ['', '/url', '/stream', '/waveform']) {
        expect((await api.request(`/api/v1/recordings/${id}${path}`)).status).toBe(404)
      }
      expect((await api.request(`/api/v1/recordings/${id}`, { method: 'DELETE' })).status).toBe(404)
      expect((await fetch(atLink(link))).status).toBe(410)
      await expect.poll(stored).toEqual([])
      const keys = [storageKey.replace(/original$/, '')]
      await expect
        .poll(async () =>
          (await api.catalog.ledger.history({ keys, limit: 9 })).map(({ state, objects }) => [state, objects]),
        )
        .toEqual([
          ['done', 2],
          ['intent', 2],
        ])
      expect((await events(id)).at(-1)?.type).toBe('recording.deleted')
    })

    test('what is over goes by itself, and not a moment before', async () => {
      const { id, createdAt, scheduledDeletionAt } = await sent({ callId: 'old', file: wav(1) })
      await api.ended(id)
      expect(Date.parse(scheduledDeletionAt ?? '') - Date.parse(createdAt)).toBe(365 * DAY_MS)
      api.clock.skipMs = 364 * DAY_MS
      expect((await sweep()).due).toBe(0)
      api.clock.skipMs = 366 * DAY_MS
      expect((await sweep()).due).toBe(1)
      await expect.poll(stored).toEqual([])
      expect((await list()).total).toBe(0)
    })
  })
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
