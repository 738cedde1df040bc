// What `npm run bench:dvr` may be told.
import { parseArgs } from 'node:util'

export const SECTIONS = ['live', 'recorded', 'first-byte', 'uploads', 'requests'] as const
export type Section = (typeof SECTIONS)[number]

export interface DvrBenchOptions {
  readonly sections: readonly Section[]
  /** A tenth of the media: shows that all works, and no figure to rely on. */
  readonly isQuick: boolean
  readonly isJson: boolean
}

export const USAGE = `npm run bench:dvr -- [options]

  --only SECTIONS  some of ${SECTIONS.join(', ')}, with commas (default: all)
  --quick          little media: shows that all works, and no figure to rely on
  --json           one JSON object on standard output instead of a table
  --help           this text
`

/** Null: help was asked for. Throws with a sentence for people. */
export function parseOptions(args: readonly string[]): DvrBenchOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const names = values.only?.split(',') ?? [...SECTIONS]
  const sections = SECTIONS.filter((section) => names.includes(section))
  const unknown = names.find((name) => !SECTIONS.some((section) => section === name))
  if (unknown !== undefined) throw new Error(`--only takes ${SECTIONS.join(', ')}, not ${unknown}`)
  return { sections, isQuick: values.quick, isJson: values.json }
}
