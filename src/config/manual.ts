// The three texts that explain the settings to people. All come from the schema; manual.test.ts keeps the files equal.
import { stringify } from 'yaml'
import { SERVE_FLAGS } from './flags.ts'
import { type NamedSetting, SETTINGS } from './schema.ts'

const WIDTH = 110

/** `mirror serve --help`; stored as launcher/serve-help.txt, so that it prints before anything is installed. */
export function renderServeHelp(): string {
  const heads = SERVE_FLAGS.map(({ flag, values }) => (values === null ? flag : `${flag} <${operand(flag)}>`))
  const environmentOnly = SETTINGS.filter((one) => one.env !== undefined && one.flag === undefined)
  const names = [...heads, '--help', ...environmentOnly.map(({ env }) => env ?? '')]
  const width = Math.max(...names.map((name) => name.length)) + 2
  const row = (head: string, about: string): string =>
    wrap(about, WIDTH - width - 2)
      .map((line, at) => `  ${(at === 0 ? head : '').padEnd(width)}${line}`)
      .join('\n')
  const rows = SERVE_FLAGS.map((one, at) => {
    const facts = [
      ...(one.default === null ? [] : [`default ${one.default}`]),
      ...(one.setting?.env === undefined ? [] : [one.setting.env]),
      ...(one.setting === null ? ['MIRROR_CONFIG'] : []),
    ]
    return row(heads[at] ?? '', facts.length === 0 ? one.about : `${one.about} (${facts.join(', ')})`)
  })
  return [
    'Usage: mirror serve [flags]',
    '       npm start -- [flags]',
    '',
    'Starts Mirror: console and API, media origin, and the ingest servers, in one process.',
    '',
    'Flags:',
    ...rows,
    row('--help', 'Print this and exit.'),
    '',
    'Environment only:',
    ...environmentOnly.map((one) => row(one.env ?? '', one.about)),
    '',
    'Flags win over the environment, the environment over the file, the file over the defaults.',
    'deploy/mirror.example.yml explains every key of the file.',
    '',
  ].join('\n')
}

/** deploy/mirror.example.yml: every key with its default. Loading it unchanged is the same as having no file. */
export function renderExample(): string {
  const lines = [
    '# The configuration of Mirror. Every key is optional and stands here with its default; unknown keys are refused.',
    '# Copy the file, keep what you change, and start with  npm start -- --config mirror.yml  (or MIRROR_CONFIG).',
    '# Durations are written 200ms, 10s, 5m, 2h; sizes 64KiB, 32MiB, 2GiB. null means "not set".',
    '# A secret is the value itself, file:<path> (relative to this file) or env:<NAME>.',
  ]
  let open: readonly string[] = []
  for (const setting of SETTINGS) {
    const sections = setting.path.slice(0, -1)
    const shared = sections.findIndex((name, at) => name !== open[at])
    lines.push('')
    if (shared >= 0) {
      for (let at = shared; at < sections.length; at++) lines.push(`${'  '.repeat(at)}${sections[at]}:`)
    }
    open = sections
    const indent = '  '.repeat(sections.length)
    lines.push(...wrap(explain(setting), WIDTH - indent.length - 2).map((line) => `${indent}# ${line}`))
    lines.push(`${indent}${setting.path.at(-1)}: ${stringify(setting.default).trim()}`)
  }
  return `${lines.join('\n')}\n`
}

/** docs/reference/configuration.md */
export function renderReference(): string {
  return [
    '# Configuration',
    '',
    'Made from the schema in `src/config/schema.ts`: change it there and run `npm run docs`.',
    '',
    'Mirror starts without any configuration. A setting is taken from the first of these that names it:',
    '',
    '1. a flag of `mirror serve` (`npm start -- <flags>`),',
    '2. an environment variable; an empty one counts as not set,',
    '3. the YAML file named by `--config` or `MIRROR_CONFIG` ([example](../../deploy/mirror.example.yml)),',
    '4. the default.',
    '',
    'Unknown keys and flags are refused with the nearest known name, all problems at once, each with the line, variable or',
    'flag it comes from. An unknown `MIRROR_*` variable is a warning. Durations are written `200ms`, `10s`, `5m`, `2h`,',
    'sizes `64KiB`, `32MiB`, `2GiB`; `null` means "not set". A secret is the value itself, `file:<path>` or `env:<NAME>`;',
    'a path in the file counts from the folder of the file. The file is read once, at start.',
    '',
    ...SETTINGS.flatMap(referenceEntry),
    '## Other variables',
    '',
    '| variable | meaning |',
    '|---|---|',
    '| `MIRROR_CONFIG` | the configuration file, like `--config` |',
    '',
  ].join('\n')
}

function referenceEntry(setting: NamedSetting): string[] {
  const facts = [
    `default \`${stringify(setting.default).trim()}\``,
    setting.values + (setting.default === null ? ', or `null`' : ''),
    ...(setting.env === undefined ? [] : [`\`${setting.env}\``]),
    ...(setting.flag === undefined ? [] : [`\`${setting.flag}\``]),
    ...(setting.kind === 'secret' ? ['secret'] : []),
  ]
  return [`## \`${setting.name}\``, '', `${setting.about} ${setting.tradeOff}`, '', `*${facts.join(' · ')}*`, '']
}

function explain(setting: NamedSetting): string {
  const also = [
    ...(setting.env === undefined ? [] : [setting.env]),
    ...(setting.flag === undefined ? [] : [setting.flag]),
  ]
  const values = `Takes ${setting.values}${setting.default === null ? ', or null' : ''}.`
  const others = also.length === 0 ? '' : ` Also: ${also.join(', ')}.`
  return `${setting.about} ${setting.tradeOff} ${values}${others}`
}

/** The word in angle brackets: the last word of the flag. */
function operand(flag: string): string {
  return flag.slice(flag.lastIndexOf('-') + 1)
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}
