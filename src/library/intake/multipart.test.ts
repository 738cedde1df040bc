import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { collect } from '../../storage/collect.ts'
import { boundaryOf, type MultipartLimits, readForm } from './multipart.ts'

interface ReadPart {
  readonly name: string
  readonly fileName: string | null
  readonly contentType: string | null
  readonly bytes: Buffer
}

async function parts(
  body: Uint8Array | string,
  boundary: string,
  { chunkBytes = 7, limits }: { chunkBytes?: number; limits?: MultipartLimits } = {},
): Promise<ReadPart[]> {
  const found: ReadPart[] = []
  for await (const { chunks, ...part } of readForm(inChunks(Buffer.from(body), chunkBytes), boundary, limits)) {
    found.push({ ...part, bytes: Buffer.from(await collect(chunks)) })
  }
  return found
}

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size)
}

/** As Node's own fetch would send it. */
async function sent(form: FormData): Promise<{ body: Uint8Array; boundary: string }> {
  const response = new Response(form)
  const boundary = boundaryOf(response.headers.get('content-type') ?? '')
  return { body: new Uint8Array(await response.arrayBuffer()), boundary: boundary ?? '' }
}

test('whatever a browser sends arrives as it is, however it is cut', async () => {
  const field = fc.record({
    name: fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }),
    text: fc.string({ unit: 'grapheme', maxLength: 200 }),
    file: fc.option(
      fc.record({
        name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
        bytes: fc.uint8Array({ maxLength: 3000 }),
      }),
    ),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(field, { maxLength: 6 }),
      fc.integer({ min: 1, max: 400 }),
      async (fields, chunkBytes) => {
        const form = new FormData()
        for (const { name, text, file } of fields) {
          if (file === null) form.append(name, text)
          else form.append(name, new Blob([new Uint8Array(file.bytes)], { type: 'audio/wav' }), file.name)
        }
        const { body, boundary } = await sent(form)
        const read = await parts(body, boundary, { chunkBytes })
        const expected = fields.map(({ name, text, file }) => ({
          name: lines(name),
          fileName: file?.name ?? null,
          bytes: file === null ? Buffer.from(lines(text)) : Buffer.from(file.bytes),
        }))
        expect(read.map(({ name, fileName, bytes }) => ({ name, fileName, bytes }))).toEqual(expected)
      },
    ),
    { numRuns: 60 },
  )
})

/** A form sends line breaks as CR LF. */
function lines(text: string): string {
  return text.replace(/\r\n|\r|\n/g, '\r\n')
}

test('bytes that look like a boundary are bytes', async () => {
  const bytes = Buffer.from('\r\n--B\r--BB\r\n-\r\n--\r\n\r\n--b\r\n\r')
  const body = Buffer.concat([
    Buffer.from('--BOUND\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'),
    bytes,
    Buffer.from('\r\n--BOUND--\r\n'),
  ])
  for (let chunkBytes = 1; chunkBytes < 40; chunkBytes += 1) {
    expect((await parts(body, 'BOUND', { chunkBytes }))[0]?.bytes).toEqual(bytes)
  }
})

test.each([
  ['curl', 'form-data; name="file"; filename="a \\"b\\".wav"', 'a "b".wav'],
  ['a browser', 'form-data; name="file"; filename="a %22b%22.wav"', 'a "b".wav'],
  ['a script', 'form-data; name=file; filename=a.wav', 'a.wav'],
  ['an old one', 'form-data;name="file";filename=""', ''],
])('names as %s writes them', async (_, disposition, fileName) => {
  const body = `--B\r\nContent-Type: audio/wav\r\ncontent-disposition: ${disposition}\r\n\r\nx\r\n--B--`
  expect(await parts(body, 'B')).toEqual([
    { name: 'file', fileName, contentType: 'audio/wav', bytes: Buffer.from('x') },
  ])
})

test('what comes before and behind the form is no part of it', async () => {
  const body = 'hello\r\n--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--B--\r\ngood bye'
  expect((await parts(body, 'B')).map(({ name }) => name)).toEqual(['a'])
})

test('a part that is not read, or not to its end, is skipped', async () => {
  const form = new FormData()
  form.append('big', new Blob([randomBytes(5000)]), 'big')
  form.append('half', new Blob([randomBytes(5000)]), 'half')
  form.append('last', 'here')
  const { body, boundary } = await sent(form)
  const names: string[] = []
  let last = ''
  for await (const { name, chunks } of readForm(inChunks(body, 64), boundary)) {
    names.push(name)
    if (name === 'half') for await (const _ of chunks) break
    if (name === 'last') last = Buffer.from(await collect(chunks)).toString()
  }
  expect([names, last]).toEqual([['big', 'half', 'last'], 'here'])
})

test.each([
  ['an end in the middle of a part', '--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1234'],
  ['an end in the middle of headers', '--B\r\nContent-Disp'],
  ['no boundary at all', 'callId=1'],
  ['nothing', ''],
  ['a part without a name', '--B\r\nContent-Type: text/plain\r\n\r\n1\r\n--B--'],
  ['a part without headers', '--B\r\n\r\n1\r\n--B--'],
  ['another kind of part', '--B\r\nContent-Disposition: attachment; name="a"\r\n\r\n1\r\n--B--'],
  ['a boundary that goes on', '--Boundary\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--B--'],
])('%s is refused by name', async (_, body) => {
  await expect(parts(body, 'B')).rejects.toMatchObject({ code: 'invalid_request' })
})

test('endless headers and endless parts are refused', async () => {
  const limits = { maxParts: 3, maxHeaderBytes: 100 }
  const part = '--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
  expect(await parts(`${part.repeat(3)}--B--`, 'B', { limits })).toHaveLength(3)
  await expect(parts(`${part.repeat(4)}--B--`, 'B', { limits })).rejects.toThrow('more than 3 parts')
  await expect(parts(`--B\r\nX: ${'y'.repeat(1e6)}`, 'B', { limits })).rejects.toThrow('longer than 100 bytes')
})

test('the source is ended when its reader leaves', async () => {
  let isEnded = false
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.from('--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n')
    } finally {
      isEnded = true
    }
  }
  for await (const _ of readForm(source(), 'B')) break
  expect(isEnded).toBe(true)
})

test.each([
  ['multipart/form-data; boundary=abc', 'abc'],
  ['Multipart/Form-Data; charset=utf-8; boundary="a b"', 'a b'],
  ['multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW', '----WebKitFormBoundary7MA4YWxkTrZu0gW'],
  ['multipart/form-data', null],
  ['multipart/form-data; boundary=', null],
  [`multipart/form-data; boundary=${'a'.repeat(71)}`, null],
  ['multipart/mixed; boundary=abc', null],
  ['multipart/form-datax; boundary=abc', null],
  ['application/json', null],
  [undefined, null],
])('the boundary of %s is %s', (contentType, boundary) => {
  expect(boundaryOf(contentType)).toBe(boundary)
})
