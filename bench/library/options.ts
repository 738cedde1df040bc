// What `npm run bench:library` may be told.
import { parseArgs } from 'node:util'

export const SECTIONS = ['uploads', 'images', 'video', 'search'] as const
export type Section = (typeof SECTIONS)[number]

export interface LibraryBenchOptions {
  readonly sections: readonly Section[]
  /** Assets among which is searched. */
  readonly assets: number
  /** A little of everything: shows that all works, and no figure to rely on. */
  readonly isQuick: boolean
  readonly isJson: boolean
}

export const USAGE = `npm run bench:library -- [options]

  --only SECTIONS  some of ${SECTIONS.join(', ')}, with commas (default: all)
  --assets N       how many there are to search among (default 1000000)
  --quick          a little of everything: shows that all works, and no figure to rely on
  --json           one JSON object on standard output instead of a table
  --help           this text
`

const QUICK_ASSETS = 2000
const MAX_ASSETS = 5_000_000

/** Null: help was asked for. Throws with a sentence for people. */
export function parseOptions(args: readonly string[]): LibraryBenchOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      assets: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const names = values.only?.split(',') ?? [...SECTIONS]
  const unknown = names.find((name) => !SECTIONS.some((section) => section === name))
  if (unknown !== undefined) throw new Error(`--only takes ${SECTIONS.join(', ')}, not ${unknown}`)
  const assets = Number(values.assets ?? (values.quick ? QUICK_ASSETS : 1_000_000))
  if (!(Number.isInteger(assets) && assets >= 100 && assets <= MAX_ASSETS))
    throw new Error(`--assets must be a number from 100 to ${MAX_ASSETS}`)
  return {
    sections: SECTIONS.filter((section) => names.includes(section)),
    ...{ assets, isQuick: values.quick, isJson: values.json },
  }
}
