import { execFileSync, type SpawnOptions, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmod, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { notRun } from '../../../test/not-run.ts'
import { silentLog } from '../../core/log.ts'
import { assetOriginalKey } from '../../storage/keys.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import { parsePdfInfo } from '../processing/read-pdf.ts'
import type { AssetRow, JsonObject, RenditionRow } from './asset.ts'
import { DocumentSteps } from './document-steps.ts'

const { signal } = new AbortController()
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-documents-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Two pages of A4 with a black square on the first. */
function pdf(): string {
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>',
    '<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>',
    '<</Length 20>>stream\n100 100 200 200 re f\nendstream',
    '<</Title(Jahresbericht)/Author(A. Muster)>>',
  ]
  let text = '%PDF-1.4\n'
  const offsets = objects.map((object, index) => {
    const at = text.length
    text += `${index + 1} 0 obj${object}endobj\n`
    return `${String(at).padStart(10, '0')} 00000 n \n`
  })
  const table = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join('')}`
  return `${text}${table}trailer<</Size ${objects.length + 1}/Root 1 0 R/Info 6 0 R>>\nstartxref\n${text.length}\n%%EOF\n`
}

/** A folder for PATH with what every process here needs, and these scripts. */
async function tools(scripts: Readonly<Record<string, string>>): Promise<string> {
  const bin = await mkdtemp(join(folder, 'bin-'))
  for (const name of ['env', 'cp', 'cat']) await symlink(`/usr/bin/${name}`, join(bin, name))
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`)
    await chmod(join(bin, name), 0o755)
  }
  return bin
}

async function processed(bytes: string, path: string, format = 'pdf') {
  const store = createMemoryStore({ nowMs: () => 1 })
  const id = randomUUID()
  await store.put(assetOriginalKey('default', id), Buffer.from(bytes), { signal, contentType: 'application/pdf' })
  const rows: RenditionRow[] = []
  const withPath = (command: string, args: readonly string[], options: SpawnOptions) =>
    spawn(command, args, { ...options, env: { ...process.env, PATH: path } })
  const host = {
    // What Node itself starts is named by its whole path.
    ...{
      spawn: withPath,
      log: silentLog,
      ffmpegPath: 'ffmpeg',
      store,
      now: () => 1,
      conversion: null,
      renditions: async () => rows,
    },
    ...{ disk: { freeBytes: async () => 2 ** 40, keepFreeBytes: 0, copies: 1 as const } },
    ...{ scratchDir: join(folder, 'scratch'), media: { maxDurationSec: 1, stepMs: 1000, threads: 1 } },
    save: async (row: RenditionRow) => rows.push(row) > 0,
  }
  const asset = { id, tenantId: 'default', kind: 'document', format, sizeBytes: bytes.length } as AssetRow
  let facts: JsonObject = {}
  {
    await using steps = new DocumentSteps(host, asset, signal)
    for (const step of ['pages', 'poster']) facts = { ...facts, ...(await steps.run(step, facts)) }
  }
  expect(await readdir(host.scratchDir).catch(() => [])).toEqual([])
  return { facts, rows, store }
}

test('without the tools a document is ready as it is, and says what is not made and why', async () => {
  const { facts, rows } = await processed(pdf(), await tools({}))
  expect(facts).toEqual({
    pageProblem: 'pdfinfo and pdftoppm are not installed (apt-get install poppler-utils)',
  })
  expect(rows).toEqual([])
})

test('what opens with a password only is no failure, what is damaged is one, and what is no PDF is left alone', async () => {
  const locked = await tools({ pdfinfo: "echo 'Command Line Error: Incorrect password' >&2; exit 1" })
  expect((await processed(pdf(), locked)).facts).toEqual({ pageProblem: 'it opens with a password only' })
  const damaged = await tools({ pdfinfo: 'echo "Syntax Error: Couldn\'t find trailer dictionary" >&2; exit 1' })
  await expect(processed(pdf(), damaged)).rejects.toMatchObject({
    ...{ code: 'content_damaged', message: "pdf: Couldn't find trailer dictionary" },
  })
  expect((await processed('words', damaged, 'txt')).facts).toEqual({})
})

test('what pdfinfo says is read, as far as it is said', () => {
  const text =
    'Title:           A: b\nPages:           12\nPage size:       595.28 x 841.89 pts (A4)\nPDF version:     1.7\n'
  expect(parsePdfInfo(text)).toEqual({
    ...{ pages: 12, version: '1.7', title: 'A: b', author: null, pageWidthPt: 595.28, pageHeightPt: 841.89 },
  })
  expect(parsePdfInfo('Pages: 3\n')).toMatchObject({ pages: 3, pageWidthPt: null })
  for (const bad of ['', 'Pages: many', 'Pages: 0', 'Title: Pages: 3']) expect(parsePdfInfo(bad)).toBeNull()
})

function popplerMissing(): string | null {
  try {
    execFileSync('pdfinfo', ['-v'], { stdio: 'ignore' })
    return null
  } catch {
    return 'poppler-utils is not installed'
  }
}

const missing = popplerMissing()
if (missing !== null) notRun('pages of PDF files by the real tools', missing)

describe.skipIf(missing !== null)('with poppler', () => {
  const path = process.env['PATH'] ?? ''

  test('a PDF says how many pages it has, and its first one is a picture', async () => {
    const { facts, rows, store } = await processed(pdf(), path)
    expect(facts).toEqual({
      ...{ pages: 2, version: '1.4', title: 'Jahresbericht', author: 'A. Muster', pageWidthPt: 595, pageHeightPt: 842 },
      pageProblem: null,
    })
    expect(rows).toMatchObject([{ name: 'poster', contentType: 'image/jpeg', width: 905, height: 1280 }])
    const body = await store.get(rows[0]?.objectKey as never, { signal })
    const chunks: Uint8Array[] = []
    for await (const chunk of body?.chunks ?? []) chunks.push(chunk)
    const { data, info } = await sharp(Buffer.concat(chunks)).greyscale().raw().toBuffer({ resolveWithObject: true })
    // The square lies in the lower left, on white.
    const at = (x: number, y: number) =>
      data[(Math.round(y * info.height) * info.width + Math.round(x * info.width)) * info.channels]
    expect([at(0.3, 0.75), at(0.8, 0.2)]).toEqual([0, 255])
  })

  test('a PDF that breaks off is damaged', async () => {
    await expect(processed(pdf().slice(0, 60), path)).rejects.toMatchObject({ code: 'content_damaged' })
  })
})
