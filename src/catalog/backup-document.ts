// A catalog as text, one JSON value a line: a head, the rows of every table as `["table",{"column":value}]`, and an end
// with their counts and a hash of everything before it. Readable with any tool; pure.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { MirrorError } from '../core/errors.ts'

/** Bumped when an older reader would misunderstand. What is added to the tables is told by `schemaVersion`. */
const FORMAT = 1
/** No row comes near; a file that is no backup must not fill the memory. */
const MAX_LINE_BYTES = 16 * 2 ** 20

/** Bytes travel as `{"base64": "…"}`. Times are integer milliseconds. */
export type ColumnValue = string | number | null | Uint8Array

export interface TableRow {
  readonly table: string
  readonly values: Readonly<Record<string, ColumnValue>>
}

const headSchema = z.object({
  mirrorCatalogBackup: z.number(),
  createdAt: z.iso.datetime(),
  mirrorVersion: z.string(),
  /** Number of the last migration that the database had seen. */
  schemaVersion: z.int().positive(),
  database: z.enum(['sqlite', 'postgres']),
  tables: z.array(z.string()),
  leftOut: z.record(z.string(), z.string()),
})
const endSchema = z.object({
  end: z.literal(true),
  rows: z.record(z.string(), z.int().nonnegative()),
  sha256: z.string(),
})
const valueSchema = z.union([z.string(), z.number(), z.null(), z.strictObject({ base64: z.base64() })])
const rowSchema = z.tuple([z.string(), z.record(z.string(), valueSchema)])

export type BackupHead = Omit<z.infer<typeof headSchema>, 'mirrorCatalogBackup'>
/** By table. */
export type RowCounts = Readonly<Record<string, number>>

/** Gives the text piece by piece, and at the end how many rows it has. */
export async function* renderBackup(
  head: BackupHead,
  rows: AsyncIterable<TableRow>,
): AsyncGenerator<string, RowCounts, void> {
  const hash = createHash('sha256')
  const counts: Record<string, number> = Object.fromEntries(head.tables.map((table) => [table, 0]))
  const line = (value: unknown): string => {
    const text = `${JSON.stringify(value)}\n`
    hash.update(text)
    return text
  }
  yield line({ mirrorCatalogBackup: FORMAT, ...head })
  for await (const { table, values } of rows) {
    counts[table] = (counts[table] ?? 0) + 1
    yield line([table, mapValues(values, encodeValue)])
  }
  yield `${JSON.stringify({ end: true, rows: counts, sha256: hash.digest('hex') })}\n`
  return counts
}

/** A backup that is being read. Disposing lets go of its source. */
export interface ReadBackup extends AsyncDisposable {
  readonly head: BackupHead
  /** To be read to the end: only there is it known that nothing is missing or changed. */
  readonly rows: AsyncGenerator<TableRow, RowCounts, void>
}

/** Throws, as `rows` does, `backup_damaged` or `backup_newer`. Errors of `chunks` pass as they are. */
export async function parseBackup(chunks: AsyncIterable<Uint8Array>): Promise<ReadBackup> {
  const lines = linesOf(chunks)
  const first = await lines.next()
  if (first.done === true) throw damaged('it is empty')
  try {
    const head = parseHead(first.value)
    return {
      head,
      rows: parseRows(head, first.value, lines),
      async [Symbol.asyncDispose]() {
        await lines.return()
      },
    }
  } catch (error) {
    await lines.return()
    throw error
  }
}

function parseHead(line: Buffer): BackupHead {
  const json = jsonOf(line, 'its first line')
  const format = (json as { readonly mirrorCatalogBackup?: unknown } | null)?.mirrorCatalogBackup
  if (typeof format !== 'number') throw damaged('it is no backup of a catalog')
  if (format > FORMAT) {
    throw new MirrorError('backup_newer', `The backup has format ${format}; this Mirror knows formats up to ${FORMAT}`)
  }
  const parsed = headSchema.safeParse(json)
  if (!parsed.success) throw damaged('its first line is not whole')
  const { mirrorCatalogBackup: _format, ...head } = parsed.data
  return head
}

async function* parseRows(
  head: BackupHead,
  first: Buffer,
  lines: AsyncGenerator<Buffer, void, void>,
): AsyncGenerator<TableRow, RowCounts, void> {
  const hash = createHash('sha256').update(first).update('\n')
  const counts: Record<string, number> = Object.fromEntries(head.tables.map((table) => [table, 0]))
  let number = 1
  for await (const line of lines) {
    number += 1
    if (line[0] === OPENING_BRACE) {
      const end = endSchema.safeParse(jsonOf(line, `line ${number}`))
      if (!end.success) throw damaged(`line ${number} is neither a row nor the end`)
      if (end.data.sha256 !== hash.digest('hex')) throw damaged('it was changed: its SHA-256 is another')
      if (JSON.stringify(sorted(end.data.rows)) !== JSON.stringify(sorted(counts))) throw damaged('rows are missing')
      if ((await lines.next()).done !== true) throw damaged('something follows its end')
      return counts
    }
    const row = rowSchema.safeParse(jsonOf(line, `line ${number}`))
    if (!row.success) throw damaged(`line ${number} is not a row`)
    const [table, values] = row.data
    const count = counts[table]
    if (count === undefined)
      throw damaged(`line ${number} is of the table ${table}, which the first line does not name`)
    counts[table] = count + 1
    hash.update(line).update('\n')
    yield { table, values: mapValues(values, decodeValue) }
  }
  throw damaged('its end is missing')
}

const OPENING_BRACE = 0x7b
const LINE_FEED = 0x0a

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, void> {
  let pending: Buffer[] = []
  let pendingBytes = 0
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk) // A copy: what is pending must not change with the source's buffer.
    let start = 0
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      yield Buffer.concat([...pending, bytes.subarray(start, end)])
      pending = []
      pendingBytes = 0
      start = end + 1
    }
    pending.push(bytes.subarray(start))
    pendingBytes += bytes.byteLength - start
    if (pendingBytes > MAX_LINE_BYTES) throw damaged(`a line has more than ${MAX_LINE_BYTES / 2 ** 20} MiB`)
  }
  if (pendingBytes > 0) throw damaged('it ends in the middle of a line')
}

function jsonOf(line: Buffer, where: string): unknown {
  try {
    return JSON.parse(line.toString('utf8'))
  } catch (error) {
    throw damaged(`${where} is not JSON`, error)
  }
}

function encodeValue(value: ColumnValue): unknown {
  return value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value
}

function decodeValue(value: z.infer<typeof valueSchema>): ColumnValue {
  return typeof value === 'object' && value !== null ? Buffer.from(value.base64, 'base64') : value
}

function mapValues<In, Out>(values: Readonly<Record<string, In>>, change: (value: In) => Out): Record<string, Out> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]))
}

function sorted(counts: RowCounts): readonly (readonly [string, number])[] {
  return Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1))
}

export function damaged(what: string, cause?: unknown): MirrorError {
  return new MirrorError('backup_damaged', `The backup cannot be used: ${what}`, cause === undefined ? {} : { cause })
}
