// Uploaded pictures as programs of others see them: ExifTool, webpinfo, ffmpeg and ffprobe.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { AssetView, UploadedAssetView } from '../../src/api/asset-contract.ts'
import { notRun } from '../not-run.ts'
import { ADMIN_TOKEN, type TestApi } from '../support/api-server.ts'
import { startAssetApi } from '../support/asset-api.ts'
import { findProgram } from '../support/daemon.ts'

const run = promisify(execFile)
const hasExifTool = findProgram('exiftool') !== null
const hasWebpInfo = findProgram('webpinfo') !== null
if (!hasExifTool) notRun('ExifTool on pictures', 'exiftool not found: apt-get install -y libimage-exiftool-perl')
if (!hasWebpInfo) notRun('webpinfo on WebP pictures', 'webpinfo not found: apt-get install -y webp')

/** As they are stored; orientation 6 shows the left side on top. */
const STORED = { width: 1200, height: 800 }
const SHOWN = { width: 800, height: 1200 }

let api: TestApi
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-judged-'))
  api = await startAssetApi()
})

afterAll(async () => {
  await api?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

interface Judged {
  readonly asset: AssetView
  /** Files with the bytes that the API gives out. */
  readonly original: string
  readonly renditions: Readonly<Record<string, string>>
}

/** Uploads a file by the API, waits until it is ready, and fetches all that is there then. */
async function judged(path: string, name: string): Promise<Judged> {
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(await readFile(path))]), name)
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` }
  const response = await fetch(`${api.url}/api/v1/assets`, { method: 'POST', headers, body: form })
  const { id } = ((await response.json()) as UploadedAssetView).asset
  const view = async () => await api.json<AssetView>(`/api/v1/assets/${id}`)
  await vi.waitFor(async () => expect((await view()).status).toBe('ready'), { timeout: 60_000, interval: 100 })
  const asset = await view()
  const fetched = async (from: string, to: string) => {
    const file = join(folder, `${id}-${to}`)
    await writeFile(file, new Uint8Array(await (await api.request(from)).arrayBuffer()))
    return file
  }
  // Made when it is first asked for, by other code.
  const paths = [...asset.renditions, { name: 'fit-640-webp', path: `/api/v1/assets/${id}/renditions/fit-640-webp` }]
  const renditions: Record<string, string> = {}
  for (const rendition of paths) renditions[rendition.name] = await fetched(rendition.path, rendition.name)
  return { asset, original: await fetched(`/api/v1/assets/${id}/original`, 'original'), renditions }
}

async function exifTool(file: string, ...more: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run('exiftool', ['-json', '-n', '-G1', '-a', ...more, file])
  return (JSON.parse(stdout) as Record<string, unknown>[])[0] ?? {}
}

/** Red, green, blue and opacity, 0 to 255, of one pixel as ffmpeg decodes it, at a share of width and height. */
async function pixel(file: string, { x, y }: { readonly x: number; readonly y: number }): Promise<readonly number[]> {
  // An ffmpeg before 6.1 does not read AVIF; its pixels are then those that libheif finds.
  if (file.endsWith('avif')) {
    const { data, info } = await sharp(file).ensureAlpha().raw().toBuffer({ resolveWithObject: true })
    const at = (Math.floor(info.height * y) * info.width + Math.floor(info.width * x)) * info.channels
    return [...data.subarray(at, at + 4)]
  }
  const filter = `format=rgba,crop=1:1:floor(iw*${x}):floor(ih*${y})`
  const args = ['-v', 'error', '-i', file, '-vf', filter, '-frames:v', '1', '-f', 'rawvideo', 'pipe:1']
  const { stdout } = await run('ffmpeg', args, { encoding: 'buffer' })
  return [...stdout]
}

const TOP = { x: 0.5, y: 0.1 }
const BOTTOM = { x: 0.5, y: 0.9 }

/** A file as a camera writes it, held upright: what is shown on top is red, below it is blue. */
async function photo(): Promise<string> {
  const half = { width: STORED.width / 2, height: STORED.height, channels: 3 } as const
  const [red, blue] = [
    { r: 220, g: 20, b: 20 },
    { r: 20, g: 20, b: 220 },
  ]
  const path = join(folder, 'photo.jpg')
  await sharp({ create: { ...half, background: red } })
    .extend({ right: half.width, background: blue })
    .withMetadata({ orientation: 6 })
    .withExif({
      IFD0: {
        Make: 'Optics & Sons',
        Model: 'Eye 7',
        Software: 'Firmware 1.2',
        Artist: 'Zoë',
        Copyright: '© Zoë',
        Orientation: '6',
      },
      IFD2: {
        ...{
          ExposureTime: '1/250',
          FNumber: '28/10',
          ISOSpeedRatings: '400',
          FocalLength: '35/1',
          LensModel: 'Wide 35',
        },
        ...{ DateTimeOriginal: '2026:11:21 10:53:07', OffsetTimeOriginal: '+01:00' },
      },
      IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '60/1 23/1 0/1', GPSLongitudeRef: 'E', GPSLongitude: '5/1 19/1 0/1' },
    })
    .withXmp(XMP)
    .jpeg({ quality: 92 })
    .toFile(path)
  return path
}

const XMP = `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="60,23.0N" exif:GPSLongitude="5,19.0E"/></rdf:RDF>
</x:xmpmeta><?xpacket end="w"?>`

/** Top opaque green, bottom clear. */
async function drawing(): Promise<string> {
  const path = join(folder, 'drawing.png')
  const background = { r: 20, g: 200, b: 20, alpha: 1 }
  await sharp({ create: { width: 900, height: 300, channels: 4, background } })
    .extend({ bottom: 300, background: { r: 0, g: 0, b: 0, alpha: 0 } })
    .png()
    .toFile(path)
  return path
}

const SIZES = {
  photo: {
    thumbnail: [100, 150],
    medium: [400, 600],
    webp: [800, 1200],
    avif: [800, 1200],
    'fit-640-webp': [427, 640],
  },
  drawing: {
    thumbnail: [150, 100],
    medium: [800, 533],
    webp: [900, 600],
    avif: [900, 600],
    'fit-640-webp': [640, 427],
  },
} as const

describe('a photo with orientation and place, a drawing that is partly clear', () => {
  let shot: Judged
  let drawn: Judged

  beforeAll(async () => {
    shot = await judged(await photo(), 'photo.jpg')
    drawn = await judged(await drawing(), 'drawing.png')
  })

  test('originals come back byte by byte', async () => {
    expect(await readFile(shot.original)).toEqual(await readFile(join(folder, 'photo.jpg')))
    expect(await readFile(drawn.original)).toEqual(await readFile(join(folder, 'drawing.png')))
  })

  test('a photo is upright in every rendition', async () => {
    expect(shot.asset.facts).toMatchObject({ ...SHOWN, orientation: 6, hasLocation: true })
    for (const [name, file] of Object.entries(shot.renditions)) {
      const [top, bottom] = [await pixel(file, TOP), await pixel(file, BOTTOM)]
      expect([name, (top[0] ?? 0) > 180, (top[2] ?? 255) < 70]).toEqual([name, true, true])
      expect([name, (bottom[0] ?? 255) < 70, (bottom[2] ?? 0) > 180]).toEqual([name, true, true])
    }
  })

  test('what was clear is clear in WebP and AVIF, and no black bar in JPEG', async () => {
    for (const name of ['webp', 'avif', 'fit-640-webp']) {
      expect((await pixel(drawn.renditions[name] ?? '', TOP))[3]).toBe(255)
      expect((await pixel(drawn.renditions[name] ?? '', BOTTOM))[3]).toBe(0)
    }
    for (const name of ['thumbnail', 'medium']) {
      const bottom = await pixel(drawn.renditions[name] ?? '', BOTTOM)
      expect(Math.min(...bottom), name).toBeGreaterThan(200)
    }
  })

  describe.skipIf(!hasExifTool)('ExifTool', () => {
    test('reads of the original what the API tells of it', async () => {
      const said = await exifTool(shot.original)
      expect([said['GPS:GPSLatitudeRef'], said['XMP-exif:GPSLatitude']]).toEqual(['N', expect.closeTo(60.38, 1)])
      expect([said['File:ImageWidth'], said['File:ImageHeight']]).toEqual([STORED.width, STORED.height])
      expect(shot.asset.facts['exif']).toEqual({
        ...{ make: said['IFD0:Make'], model: said['IFD0:Model'], orientation: said['IFD0:Orientation'] },
        ...{ software: said['IFD0:Software'], artist: said['IFD0:Artist'], copyright: said['IFD0:Copyright'] },
        ...{ exposureTimeSec: said['ExifIFD:ExposureTime'], fNumber: said['ExifIFD:FNumber'] },
        ...{ iso: said['ExifIFD:ISO'], takenAt: said['ExifIFD:DateTimeOriginal'] },
        ...{ takenAtOffset: said['ExifIFD:OffsetTimeOriginal'], focalLengthMm: said['ExifIFD:FocalLength'] },
        lens: said['ExifIFD:LensModel'],
      })
    })

    test('finds no place, no camera and no turn in a rendition, and the right size', async () => {
      for (const { what, renditions } of [
        { what: 'photo', ...shot } as const,
        { what: 'drawing', ...drawn } as const,
      ]) {
        expect(Object.keys(renditions).toSorted()).toEqual(Object.keys(SIZES[what]).toSorted())
        for (const [name, [width, height]] of Object.entries(SIZES[what])) {
          const said = await exifTool(renditions[name] ?? '')
          const told = Object.keys(said).filter((tag) =>
            /GPS|Location|XMP|IFD0|ExifIFD|IPTC|Orientation|Rotation/i.test(tag),
          )
          // The turn of an AVIF is a property of its container; 0 turns nothing.
          expect([what, name, told.filter((tag) => said[tag] !== 0)]).toEqual([what, name, []])
          const composite = String((await exifTool(renditions[name] ?? '', '-ImageSize'))['Composite:ImageSize'])
          expect([what, name, composite]).toEqual([what, name, `${width} ${height}`])
        }
      }
    })

    test('estimates a quality of about 85 for JPEG', async () => {
      for (const name of ['thumbnail', 'medium']) {
        const said = await exifTool(shot.renditions[name] ?? '', '-JPEGQualityEstimate')
        expect([name, said['File:JPEGQualityEstimate']]).toEqual([name, 85])
      }
    })
  })

  test.skipIf(!hasWebpInfo)('webpinfo finds no fault in WebP, and agrees on size and transparency', async () => {
    for (const { what, renditions } of [{ what: 'photo', ...shot } as const, { what: 'drawing', ...drawn } as const]) {
      for (const name of ['webp', 'fit-640-webp'] as const) {
        const { stdout } = await run('webpinfo', ['-diag', renditions[name] ?? ''])
        const [width, height] = SIZES[what][name]
        expect(stdout).toContain('No error detected.')
        expect(stdout).not.toMatch(/warning/i)
        expect([/Width: (\d+)/.exec(stdout)?.[1], /Height: (\d+)/.exec(stdout)?.[1]]).toEqual([`${width}`, `${height}`])
        expect(/Chunk (?:ALPH|EXIF|XMP)/.test(stdout), stdout).toBe(what === 'drawing')
      }
    }
  })
})
