import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isMirrorError } from '../../../core/errors.ts'
import { silentLog } from '../../../core/log.ts'
import { openPicture, PICTURE_LIMITS, type PictureLimits } from './picture-reader.ts'
import { planImage } from './plan-image.ts'

const never = new AbortController().signal
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-pictures-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function file(name: string, bytes: Uint8Array | string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return path
}

const open = (path: string, limits: Partial<PictureLimits> = {}, signal = never) =>
  openPicture(path, { spawn, log: silentLog, limits: { ...PICTURE_LIMITS, ...limits } }, signal)

/** A picture of two halves, red above and blue below, as it is shown. */
function flag(width: number, height: number) {
  const background = { r: 0, g: 0, b: 255 }
  const red = sharp({
    create: { width, height: Math.round(height / 2), channels: 3, background: { r: 255, g: 0, b: 0 } },
  })
  return red
    .png()
    .toBuffer()
    .then((input) =>
      sharp({ create: { width, height, channels: 3, background } }).composite([{ input, top: 0, left: 0 }]),
    )
}

/** The code that `work` rejects with. */
async function codeOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => 'no error',
    (error: unknown) => (isMirrorError(error) ? `${error.code}: ${error.message}` : String(error)),
  )
}

test('a photo on its side is described upright, and its renditions are upright, bounded and without the place', async () => {
  const upright = await (await flag(1200, 900)).png().toBuffer()
  const gps = { IFD0: { Make: 'Kamera', Copyright: 'me' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1' } }
  // Stored lying: orientation 6 turns it back by a quarter.
  const lying = await sharp(upright)
    .rotate(-90)
    .withExif(gps)
    .withMetadata({ orientation: 6 })
    .jpeg({ quality: 95 })
    .toBuffer()
  await using reader = await open(await file('lying.jpg', lying))
  const facts = await reader.inspect()
  expect(facts).toMatchObject({ format: 'jpeg', width: 1200, height: 900, orientation: 6, frames: 1, hasAlpha: false })
  expect(facts).toMatchObject({ exif: { make: 'Kamera', copyright: 'me' }, hasLocation: true, colourSpace: 'srgb' })
  for (const rendition of planImage(facts)) {
    const output = join(folder, rendition.name)
    const rendered = await reader.render(rendition, output)
    expect(rendered).toEqual({
      width: rendition.width,
      height: rendition.height,
      sizeBytes: (await readFile(output)).length,
    })
    const { exif, ...made } = await sharp(output).metadata()
    expect(exif).toBeUndefined()
    expect([made.mediaType, made.width, made.height]).toEqual([
      `image/${rendition.format}`,
      rendition.width,
      rendition.height,
    ])
    const { data } = await sharp(output).resize(1, 2, { fit: 'fill' }).raw().toBuffer({ resolveWithObject: true })
    const [top, bottom] = [[...data.subarray(0, 3)], [...data.subarray(3, 6)]]
    expect(top[0], rendition.name).toBeGreaterThan(180)
    expect(bottom[2], rendition.name).toBeGreaterThan(180)
  }
})

test('a placeholder has the colour that fills most of the picture', async () => {
  const picture = await (await flag(300, 100)).extend({ bottom: 100, background: '#0000ff' }).webp().toBuffer()
  await using reader = await open(await file('flag.webp', picture))
  const { blurhash, dominantColour } = await reader.placeholder()
  expect(blurhash).toMatch(/^[\w#$%*+,\-.:;=?@[\]^{|}~]{28}$/)
  expect(dominantColour).toMatch(/^#[01].[01].[ef].$/)
})

test('transparency is told, kept in WebP and AVIF, and white in JPEG', async () => {
  const clear = { width: 20, height: 20, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } as const
  await using reader = await open(await file('clear.png', await sharp({ create: clear }).png().toBuffer()))
  const facts = await reader.inspect()
  expect(facts.hasAlpha).toBe(true)
  for (const rendition of planImage(facts)) {
    const output = join(folder, `clear-${rendition.name}`)
    await reader.render(rendition, output)
    const { data, info } = await sharp(output).raw().toBuffer({ resolveWithObject: true })
    if (rendition.format === 'jpeg') expect(data[0]).toBeGreaterThan(250)
    else expect([info.channels, data[3]]).toEqual([4, 0])
  }
})

describe('hostile files end with their cause', () => {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">
    <script>alert(1)</script><image xlink:href="file:///etc/passwd"/><image xlink:href="http://127.0.0.1:9/x.png"/></svg>`
  const html = '<!doctype html><html><body>no picture</body></html>'

  test.each([
    ['an SVG with a script and references', 'evil.svg', svg, /^content_unsupported: .*no picture/],
    ['an SVG that calls itself a PNG', 'evil.png', svg, /^content_unsupported: /],
    ['a page', 'page.jpg', html, /^content_unsupported: /],
    ['no bytes at all', 'empty.png', '', /^content_unsupported: /],
  ])('%s', async (_what, name, content, cause) => {
    await using reader = await open(await file(name, content))
    expect(await codeOf(reader.inspect())).toMatch(cause)
  })

  test('a picture that ends in the middle is damaged, whatever its format', async () => {
    const noise = await sharp({
      create: {
        width: 64,
        height: 64,
        channels: 3,
        background: '#000',
        noise: { type: 'gaussian', mean: 120, sigma: 60 },
      },
    })
      .png()
      .toBuffer()
    for (const format of ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const) {
      const whole = await sharp(noise).toFormat(format).toBuffer()
      await using reader = await open(await file(`cut.${format}`, whole.subarray(0, Math.floor(whole.length / 2))))
      const made = reader
        .inspect()
        .then((facts) => reader.render(planImage(facts)[0] ?? expect.fail(), join(folder, 'cut')))
      expect(await codeOf(made), format).toMatch(/^content_(?:damaged|unsupported): /)
    }
  })

  test('a PNG that says it has 65,500 × 65,500 pixels is refused before they are made', async () => {
    const small = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#fff' } })
      .png()
      .toBuffer()
    small.writeUInt32BE(65_500, 16)
    small.writeUInt32BE(65_500, 20)
    small.writeUInt32BE(crc32(small.subarray(12, 29)), 29)
    await using reader = await open(await file('bomb.png', small))
    const made = reader
      .inspect()
      .then((facts) => reader.render(planImage(facts)[0] ?? expect.fail(), join(folder, 'bomb')))
    expect(await codeOf(made)).toMatch(/^content_too_large: it has more than 100 million pixels/)
  })

  test('an animation of 100,000 frames is refused', async () => {
    await using reader = await open(await file('frames.gif', gif(100_000)))
    expect(await codeOf(reader.inspect())).toBe('content_too_large: it has 100000 frames; at most 5000 are read')
  })
})

test('a process that has used up its memory has died, and so has every later step', async () => {
  await using reader = await open(await file('any.png', await (await flag(8, 8)).png().toBuffer()), {
    memoryBytes: 2 ** 27,
  })
  for (let n = 0; n < 2; n += 1) expect(await codeOf(reader.inspect())).toMatch(/^processing_died: /)
})

test('a step that takes too long ends its process', async () => {
  await using reader = await open(await file('slow.png', await (await flag(8, 8)).png().toBuffer()), { stepMs: 1 })
  expect(await codeOf(reader.inspect())).toMatch(/^processing_timeout: /)
})

test('an abort ends the process and rejects with its reason', async () => {
  const stop = new AbortController()
  await using reader = await open(await file('stop.png', await (await flag(8, 8)).png().toBuffer()), {}, stop.signal)
  const asked = reader.inspect()
  const reason = new Error('enough')
  stop.abort(reason)
  await expect(asked).rejects.toBe(reason)
})

/** Frames of one pixel each. */
function gif(frames: number): Buffer {
  const head = Buffer.from('474946383961010001008000000000ff00ff00', 'hex')
  const frame = Buffer.from('21f9040001000000' + '2c00000000010001000002024401' + '00', 'hex')
  return Buffer.concat([head, ...Array.from({ length: frames }, () => frame), Buffer.from(';')])
}

function crc32(bytes: Uint8Array): number {
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return ~crc >>> 0
}
