// Assets that are made playable, on folders and on a real S3 server: written twice, asked for, withheld.
import { execFileSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rational } from '../../src/core/rational.ts'
import { Archive } from '../../src/dvr/archive.ts'
import { answerArchive } from '../../src/dvr/archive-answers.ts'
import type { ArchiveRequest } from '../../src/dvr/archive-requests.ts'
import { IndexStore } from '../../src/dvr/index-store.ts'
import { openSpan } from '../../src/dvr/open-span.ts'
import { RecordedTexts } from '../../src/dvr/recorded-text.ts'
import { writeVod } from '../../src/dvr/vod/write-vod.ts'
import { withholdPlayback } from '../../src/library/assets/withhold-playback.ts'
import { TIMELINE_EPOCH_MS } from '../../src/media/timeline/cell.ts'
import { openFolderStore } from '../../src/storage/folder-store.ts'
import { assetPrefix, assetStreamId } from '../../src/storage/keys.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { openS3Store } from '../../src/storage/s3-store.ts'
import { notRun } from '../not-run.ts'
import { rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'

const { signal } = new AbortController()
const FRAGMENTS = [
  '-movflags',
  '+empty_moov+delay_moov+default_base_moof',
  '-frag_duration',
  '1000000',
  '-f',
  'mp4',
  '-',
]
const WHOLE = { fromMs: TIMELINE_EPOCH_MS, toMs: TIMELINE_EPOCH_MS + 3_600_000 }
const NO_SPOOL = { find: () => null, segments: () => [], init: () => null, tracks: () => [] }

let folder = ''
let film: Buffer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-vod-store-'))
  const sources = ['-f', 'lavfi', '-i', 'testsrc=s=128x96:d=6:r=10', '-f', 'lavfi', '-i', 'sine=r=48000:d=6']
  const video = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-pix_fmt',
    'yuv420p',
    '-g',
    '20',
    '-bf',
    '2',
    '-sc_threshold',
    '0',
  ]
  film = execFileSync('ffmpeg', ['-v', 'error', ...sources, ...video, '-c:a', 'aac', ...FRAGMENTS])
})
afterAll(() => rm(folder, { recursive: true, force: true }))

function vodContract(name: string, openStore: () => Promise<ObjectStore>): void {
  describe(name, () => {
    const id = randomUUID()
    const stream = { tenantId: 'default', streamId: assetStreamId(id, 'hls-0123456789ab') }
    let store: ObjectStore
    let nowMs = Date.now()

    beforeAll(async () => {
      store = await openStore()
    })
    afterAll(() => store?.[Symbol.asyncDispose]())

    const write = async () => {
      const packs = await mkdtemp(join(folder, 'packs-'))
      const label = { language: 'de', name: null, role: null, isDefault: true }
      // In pieces of any size, as a pipe has them.
      const read = async (take: (bytes: Uint8Array) => Promise<void>) => {
        for (let at = 0; at < film.length; at += 7001) await take(film.subarray(at, at + 7001))
      }
      const cues = async () => [{ startSec: 1, endSec: 2, text: 'Guten Tag', settings: '' }]
      const vod = { stream, cell: rational(4, 1), files: [{ audio: [label], read }], texts: [{ label, cues }] }
      return await writeVod({ ...vod, durationSec: 6, folder: packs }, { store, now: () => nowMs }, signal)
    }
    const archive = () => {
      const opened = new Archive({
        store,
        indexes: new IndexStore(store, () => nowMs),
        spool: NO_SPOOL,
        now: () => nowMs,
      })
      const host = { archive: opened, cache: null, texts: new RecordedTexts(), tenantOf: () => null, now: () => nowMs }
      return async (request: ArchiveRequest) => await answerArchive(host, request, { signal })
    }
    const keys = async () => {
      const found: string[] = []
      for await (const { key, sizeBytes } of store.list(assetPrefix('default', id), { signal }))
        found.push(`${key} ${sizeBytes}`)
      return found.map((each) => each.replace(/index\.json \d+$/, 'index.json'))
    }

    test('the same file becomes the same objects, however often it is written', async () => {
      expect((await write()).sizeBytes).toBeGreaterThan(10_000)
      const first = await keys()
      expect(first).toHaveLength(3 + 3 + 2 + 1) // packs, hour indexes, inits, and what points at them
      await write()
      expect(await keys()).toEqual(first)
    })

    test('playlists are complete, and every segment is had whole or in part as its index says', async () => {
      const ask = archive()
      const text = async (request: ArchiveRequest) => {
        const answer = await ask(request)
        return answer.kind === 'text' && answer.isFinal ? gunzipSync(answer.gzip).toString() : expect.fail(answer.kind)
      }
      const multivariant = await text({ kind: 'multivariant', ...stream, range: WHOLE })
      expect(multivariant).toMatch(/CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2",RESOLUTION=128x96,FRAME-RATE=10\.000/)
      const [, peak, average] = /BANDWIDTH=(\d+),AVERAGE-BANDWIDTH=(\d+)/.exec(multivariant) ?? []
      expect(Number(peak)).toBeGreaterThanOrEqual(Number(average))
      expect(multivariant.match(/URI="[^"]+"|^v0.*/gm)).toEqual([
        ...['URI="a0/playlist.m3u8"', 'URI="s0/playlist.m3u8"', 'v0/playlist.m3u8'],
      ])
      for (const [trackId, extension] of [
        ['v0', 'm4s'],
        ['a0', 'm4s'],
        ['s0', 'vtt'],
      ] as const) {
        const playlist = await text({ kind: 'playlist', ...stream, trackId, range: WHOLE, type: 'VOD' })
        expect(playlist).toMatch(/PLAYLIST-TYPE:VOD[\s\S]*#EXT-X-ENDLIST\n$/)
        expect(playlist.match(new RegExp(`^\\d+\\.${extension}$`, 'gm'))).toEqual([`0.${extension}`, `1.${extension}`])
        for (const msn of [0, 1]) {
          const found = await ask({ kind: 'segment', ...stream, trackId, msn })
          if (found.kind !== 'location' || found.location.kind !== 'object') return expect.fail(found.kind)
          const { length, sha256 } = found.location
          const bytesOf = async (start: number, end: number) => {
            const chunks: Buffer[] = []
            const opened = await openSpan(found.location, { start, end }, async () => store, signal)
            for await (const chunk of opened ?? []) chunks.push(chunk as Buffer)
            return Buffer.concat(chunks)
          }
          const whole = await bytesOf(0, length)
          expect(createHash('sha256').update(whole).digest('hex')).toBe(sha256)
          expect(await bytesOf(3, 11)).toEqual(whole.subarray(3, 11))
        }
      }
    })

    test('another tenant finds nothing', async () => {
      const other = { ...stream, tenantId: 'other' }
      const ask = archive()
      expect(await ask({ kind: 'multivariant', ...other, range: WHOLE })).toEqual({ kind: 'missing' })
      expect(await ask({ kind: 'segment', ...other, trackId: 'v0', msn: 0 })).toEqual({ kind: 'missing' })
      expect(await ask({ kind: 'multivariant', streamId: stream.streamId, range: WHOLE })).toEqual({ kind: 'missing' })
    })

    test('what is withheld is not given out within ten seconds, and is again when it is given back', async () => {
      const ask = archive()
      const kinds = async () => [
        (await ask({ kind: 'multivariant', ...stream, range: WHOLE })).kind,
        (await ask({ kind: 'playlist', ...stream, trackId: 'v0', range: WHOLE, type: 'VOD' })).kind,
        (await ask({ kind: 'segment', ...stream, trackId: 'v0', msn: 1 })).kind,
      ]
      const withhold = async (is: boolean) => {
        for (let time = 0; time < 2; time += 1) {
          await withholdPlayback({ store, now: () => nowMs }, { tenantId: 'default', id }, is, signal)
        }
        nowMs += 10_001
      }
      expect(await kinds()).toEqual(['text', 'text', 'location'])
      await withhold(true)
      expect(await kinds()).toEqual(['missing', 'missing', 'missing'])
      await withhold(false)
      expect(await kinds()).toEqual(['text', 'text', 'location'])
    })
  })
}

vodContract('assets on a folder', async () => {
  const path = join(folder, 'store')
  await mkdir(path, { recursive: true })
  return await openFolderStore(path, { randomId: randomUUID })
})

const missing = rgwMissing()
if (missing !== null) notRun('playing assets on S3', missing)
describe.skipIf(missing !== null)('S3', () => {
  vodContract('assets in a bucket', async () =>
    openS3Store(await createTestBucket('rgw'), { randomId: randomUUID, nowMs: Date.now }),
  )
})
