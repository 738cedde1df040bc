// What a catalog promises about recordings of calls, whatever database is below it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Catalog } from '../../src/catalog/types.ts'
import type { RecordingRow } from '../../src/library/recordings/recording.ts'
import { statesBefore } from '../../src/library/recordings/recording-state.ts'

const NOW_MS = 1_795_200_000_000

export function callRecording(id: string, change: Partial<RecordingRow> = {}): RecordingRow {
  return {
    ...{ id, tenantId: 'default', callId: `call-${id}`, legId: null, status: 'RECEIVED' },
    ...{ failureCode: null, failure: null, sealedSourceUrl: null, objectKey: `recordings/default/${id}/original` },
    ...{ fileName: 'Anruf.wav', said: { format: 'wav', durationSec: 12.5, channels: 2 } },
    ...{ contentType: null, format: null, codec: null, sizeBytes: null, sha256: null, durationMs: null },
    ...{ channels: null, sampleRateHz: null, waveformKey: null, issues: [], tier: 'hot', policyId: null },
    ...{ original: null, replacedKey: null },
    ...{ metadata: { agent: 'Ünal', tags: [1, null] }, movedToWarmAtMs: null, scheduledDeletionAtMs: null },
    ...{ deletedAtMs: null, createdAtMs: NOW_MS, updatedAtMs: NOW_MS },
    ...change,
  }
}

export function recordingContract(name: string, open: () => Promise<Catalog>): void {
  describe(`recordings of calls on ${name}`, () => {
    let catalog: Catalog
    const recordings = () => catalog.recordings
    const ids = (rows: readonly RecordingRow[]) => rows.map(({ id }) => id)

    beforeEach(async () => {
      catalog = await open()
    })
    afterEach(() => catalog[Symbol.asyncDispose]())

    test('one comes back as it was kept, to its own tenant and nobody else', async () => {
      const row = callRecording('a', {
        legId: 'b-leg',
        sealedSourceUrl: 'x',
        issues: [{ kind: 'truncated', message: 'ö' }],
        ...{ original: { sha256: 'ab', sizeBytes: 9, format: 'wav', codec: 'pcm_s16le' }, replacedKey: 'recordings/x' },
      })
      await recordings().add(row)
      expect(await recordings().get('default', 'a')).toEqual(row)
      expect(await recordings().get('other', 'a')).toBeNull()
      expect(await recordings().change('other', 'a', { callId: 'mine', updatedAtMs: NOW_MS })).toBeNull()
      expect(await recordings().remove('other', 'a', NOW_MS)).toBeNull()
      expect(await recordings().forget('other', 'a')).toBe(false)
      expect(await recordings().list({ tenantId: 'other', limit: 9 })).toEqual([])
      expect(await recordings().count({ tenantId: 'other' })).toBe(0)
      expect(await recordings().get('default', 'a')).toEqual(row)
    })

    test('a change says nothing of what it does not name', async () => {
      await recordings().add(callRecording('a'))
      const facts = { status: 'STORED', sizeBytes: 5_000_000_000, sha256: 'ab', durationMs: 12_345 } as const
      const changed = await recordings().change('default', 'a', { ...facts, updatedAtMs: NOW_MS + 1 })
      expect(changed).toEqual(callRecording('a', { ...facts, updatedAtMs: NOW_MS + 1 }))
      expect(await recordings().get('default', 'a')).toEqual(changed)
    })

    test('of many that move one on at once, one does', async () => {
      await recordings().add(callRecording('a'))
      const moved = await Promise.all(
        Array.from({ length: 8 }, (_, n) =>
          recordings().change(
            'default',
            'a',
            { status: 'STORED', sha256: `${n}`, updatedAtMs: NOW_MS },
            { from: statesBefore('STORED') },
          ),
        ),
      )
      const winner = moved.find((row) => row !== null)
      expect(moved.filter((row) => row !== null)).toHaveLength(1)
      expect((await recordings().get('default', 'a'))?.sha256).toBe(winner?.sha256)
    })

    test('a worker that lost its job changes nothing', async () => {
      await recordings().add(callRecording('a'))
      await catalog.jobs.add({ id: 'j', kind: 'recording', payload: {} }, NOW_MS)
      const by = { kinds: ['recording'], owner: 'me', nowMs: NOW_MS, leaseMs: 1000 }
      const first = await catalog.jobs.claim(by)
      const second = await catalog.jobs.claim({ ...by, nowMs: NOW_MS + 2000 })
      const change = (fence: number, sha256: string) =>
        recordings().change('default', 'a', { sha256, updatedAtMs: NOW_MS }, { claim: { id: 'j', fence } })
      expect(await change(first?.fence ?? 0, 'late')).toBeNull()
      expect((await change(second?.fence ?? 0, 'mine'))?.sha256).toBe('mine')
      expect(await change(99, 'stranger')).toBeNull()
      expect((await recordings().get('default', 'a'))?.sha256).toBe('mine')
    })

    test('they are listed newest first, by page or from the last one seen, and nothing comes twice', async () => {
      for (let n = 0; n < 7; n += 1) await recordings().add(callRecording(`r${n}`, { createdAtMs: NOW_MS + (n >> 1) }))
      const all = ['r6', 'r5', 'r4', 'r3', 'r2', 'r1', 'r0']
      const tenantId = 'default'
      expect(ids(await recordings().list({ tenantId, limit: 10 }))).toEqual(all)
      expect(ids(await recordings().list({ tenantId, limit: 3, offset: 3 }))).toEqual(all.slice(3, 6))
      const seen: string[] = []
      for (let before: RecordingRow | undefined; ; ) {
        const page = await recordings().list({ tenantId, limit: 2, ...(before === undefined ? {} : { before }) })
        if (page.length === 0) break
        seen.push(...ids(page))
        before = page.at(-1)
        // What comes in meanwhile moves no page.
        await recordings().add(callRecording(`late${seen.length}`, { createdAtMs: NOW_MS + 100 }))
      }
      expect(seen).toEqual(all)
    })

    test('they are found by call, by state and by time, and counted so', async () => {
      await recordings().add(callRecording('a', { callId: 'one' }))
      await recordings().add(callRecording('b', { callId: 'one', status: 'COMPLETED', createdAtMs: NOW_MS + 10 }))
      await recordings().add(callRecording('c', { callId: 'two', status: 'FAILED', createdAtMs: NOW_MS + 20 }))
      const tenantId = 'default'
      const found = async (filter: object) => {
        const rows = ids(await recordings().list({ tenantId, limit: 9, ...filter }))
        expect(await recordings().count({ tenantId, ...filter })).toBe(rows.length)
        return rows
      }
      expect(await found({ callId: 'one' })).toEqual(['b', 'a'])
      expect(await found({ callId: 'one"; --' })).toEqual([])
      await recordings().add(callRecording('d', { callId: '100%-ü😀9', legId: 'one', createdAtMs: NOW_MS + 30 }))
      expect(await found({ idStart: 'on' })).toEqual(['d', 'b', 'a'])
      expect(await found({ idStart: '100%-ü😀' })).toEqual(['d'])
      for (const idStart of ['ne', '%', '1000', '_']) expect(await found({ idStart }), idStart).toEqual([])
      await recordings().remove('default', 'd', NOW_MS)
      expect(await found({ states: ['RECEIVED', 'FAILED'] })).toEqual(['c', 'a'])
      expect(await found({ fromMs: NOW_MS + 10 })).toEqual(['c', 'b'])
      expect(await found({ fromMs: NOW_MS, toMs: NOW_MS + 20 })).toEqual(['b', 'a'])
    })

    test('what was deleted is seen by nobody and changed by nobody, once', async () => {
      await recordings().add(callRecording('a', { status: 'STORED', sizeBytes: 1, scheduledDeletionAtMs: NOW_MS }))
      expect((await recordings().remove('default', 'a', NOW_MS + 5))?.deletedAtMs).toBe(NOW_MS + 5)
      expect(await recordings().remove('default', 'a', NOW_MS + 6)).toBeNull()
      expect(await recordings().get('default', 'a')).toBeNull()
      expect(await recordings().change('default', 'a', { updatedAtMs: NOW_MS })).toBeNull()
      expect(await recordings().count({ tenantId: 'default' })).toBe(0)
      expect([await recordings().unfinished(9), await recordings().due(NOW_MS + 9, 9)]).toEqual([[], []])
    })

    test('what was refused is forgotten', async () => {
      await recordings().add(callRecording('a'))
      expect(await recordings().forget('default', 'a')).toBe(true)
      expect(await recordings().forget('default', 'a')).toBe(false)
    })

    test('the housekeeping finds what has not ended, what is due, and what lacks facts', async () => {
      await recordings().add(callRecording('waits', { updatedAtMs: NOW_MS + 5 }))
      await recordings().add(callRecording('hangs', { status: 'VERIFIED', tenantId: 'other' }))
      await recordings().add(callRecording('old', { status: 'COMPLETED', scheduledDeletionAtMs: NOW_MS }))
      await recordings().add(callRecording('older', { status: 'FAILED', scheduledDeletionAtMs: NOW_MS - 1 }))
      await recordings().add(
        callRecording('later', { status: 'FAILED', scheduledDeletionAtMs: NOW_MS + 1, sizeBytes: 5 }),
      )
      await recordings().add(callRecording('imported', { status: 'COMPLETED', sizeBytes: 5, createdAtMs: NOW_MS - 1 }))
      const known = { contentType: 'audio/wav', format: 'wav', codec: 'pcm_s16le', sizeBytes: 5, sha256: 'ab' } as const
      const heard = { durationMs: 1, channels: 1, sampleRateHz: 8000, waveformKey: 'k' } as const
      await recordings().add(callRecording('whole', { status: 'COMPLETED', ...known, ...heard }))
      expect(ids(await recordings().unfinished(9))).toEqual(['hangs', 'waits'])
      expect(ids(await recordings().due(NOW_MS, 9))).toEqual(['older', 'old'])
      expect(ids(await recordings().due(NOW_MS, 1))).toEqual(['older'])
      expect(ids(await recordings().incomplete('default', 9))).toEqual(['imported', 'later'])
    })
  })
}
