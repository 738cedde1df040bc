import { nearestName } from '../core/nearest-name.ts'
import { type NamedSetting, SETTINGS } from './schema.ts'

export interface ServeFlag {
  readonly flag: `--${string}`
  /** What follows it, or null for a switch. */
  readonly values: string | null
  readonly about: string
  readonly default: string | null
  /** The setting it overrides; null for `--config`. */
  readonly setting: NamedSetting | null
}

/** Every flag of `mirror serve`; its help and the manual are printed from here. */
export const SERVE_FLAGS: readonly ServeFlag[] = [
  { flag: '--config', values: 'a YAML file', about: 'The configuration file.', default: null, setting: null },
  ...SETTINGS.flatMap((setting): ServeFlag[] => {
    if (setting.flag === undefined) return []
    const isSwitch = setting.flag.startsWith('--no-')
    return [
      {
        flag: setting.flag,
        values: isSwitch ? null : setting.values,
        about: isSwitch ? `Sets ${setting.name} to false. ${setting.about}` : setting.about,
        default: isSwitch || setting.default === null ? null : String(setting.default),
        setting,
      },
    ]
  }),
]

export interface ParsedFlags {
  /** By flag; a switch has the value `false`, as it would stand in the file. */
  readonly values: ReadonlyMap<string, string>
  readonly problems: readonly string[]
}

/** `--port 1`, `--port=1` and `--no-rtmp`; the last one wins, as shells and aliases expect. */
export function parseFlags(argv: readonly string[]): ParsedFlags {
  const values = new Map<string, string>()
  const problems: string[] = []
  for (let index = 0; index < argv.length; index++) {
    const [written = '', inline] = splitOnce(argv[index] ?? '')
    const flag = SERVE_FLAGS.find((one) => one.flag === written)
    if (flag === undefined) {
      problems.push(unknownFlag(written))
    } else if (flag.values === null) {
      if (inline === undefined) values.set(flag.flag, 'false')
      else problems.push(`${flag.flag} takes no value`)
    } else {
      const next = argv[index + 1]
      const value = inline ?? (next === undefined || next.startsWith('--') ? undefined : next)
      if (inline === undefined && value !== undefined) index++
      if (value === undefined || value === '') problems.push(`${flag.flag} needs a value: ${flag.values}`)
      else values.set(flag.flag, value)
    }
  }
  return { values, problems }
}

function splitOnce(argument: string): [string, string?] {
  const at = argument.indexOf('=')
  return at < 0 ? [argument] : [argument.slice(0, at), argument.slice(at + 1)]
}

function unknownFlag(written: string): string {
  if (!written.startsWith('-')) return `"${written}" is not understood; mirror serve takes flags only`
  const meant = nearestName(
    written,
    SERVE_FLAGS.map((one) => one.flag),
  )
  return `The flag ${written} is not known${meant === null ? '; see mirror serve --help' : `; did you mean ${meant}?`}`
}
