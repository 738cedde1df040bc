import { inspect } from 'node:util'
import { pino } from 'pino'
import type { Log } from './log.ts'
import { redactFacts, redactText } from './redact.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface LoggerOptions {
  readonly level: LogLevel
  readonly format: 'json' | 'pretty'
  /** Only for `pretty`. */
  readonly color?: boolean
  /** Where lines go, each with its line end. Standard output when absent, written without blocking the caller. */
  readonly write?: (line: string) => void
}

export interface Logger extends Log {
  /** Writes out what is still buffered; call it before the process exits. */
  flush(): void
}

export function createLogger(options: LoggerOptions): Logger {
  const stdout = options.write === undefined ? pino.destination({ fd: 1, sync: false }) : null
  // A reader of the log that goes away must not take the server with it.
  stdout?.on('error', () => {})
  const write = options.write ?? ((line: string) => stdout?.write(line))
  const print = options.format === 'json' ? write : (line: string) => write(prettyLine(line, options.color === true))
  const root = pino(
    {
      level: options.level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: print },
  )
  const speak = (area: string): Log => {
    const say = (level: LogLevel) => (message: string, facts?: Readonly<Record<string, unknown>>) => {
      if (!root.isLevelEnabled(level)) return
      root[level](
        { ...(area === '' ? {} : { area }), ...(facts === undefined ? {} : redactFacts(facts)) },
        redactText(message),
      )
    }
    return {
      debug: say('debug'),
      info: say('info'),
      warn: say('warn'),
      error: say('error'),
      child: (name) => speak(area === '' ? name : `${area}.${name}`),
    }
  }
  return {
    ...speak(''),
    flush() {
      try {
        stdout?.flushSync()
      } catch {
        // Standard output was closed or never opened; there is nobody left to tell.
      }
    },
  }
}

const LEVEL_COLORS = { debug: '\x1b[2m', info: '\x1b[32m', warn: '\x1b[33m', error: '\x1b[31m' } as const
const DIM = '\x1b[2m'
const RESET = '\x1b[0m'

/** `12:00:00.000 warn  live.ingest  the message  stream=show bytes=12`, a stack trace on lines of its own. */
export function prettyLine(json: string, color: boolean): string {
  const { time, level, area, message, ...facts } = JSON.parse(json) as Record<string, unknown>
  const paint = (code: string, text: string): string => (color && text !== '' ? `${code}${text}${RESET}` : text)
  const stacks: string[] = []
  const pairs = Object.entries(facts).map(([name, value]) => {
    if (isErrorFacts(value)) {
      if (value.stack !== undefined && level === 'error') stacks.push(value.stack)
      return `${name}=${JSON.stringify(value.message)}`
    }
    return `${name}=${compact(value)}`
  })
  const levelColor = LEVEL_COLORS[level as LogLevel] ?? ''
  const columns = [
    paint(DIM, String(time).slice(11, 23)),
    paint(levelColor, String(level).padEnd(5)),
    ...(area === undefined ? [] : [paint(DIM, String(area))]),
    // A message may quote what an encoder sent: control characters must not reach the terminal.
    printable(String(message ?? '')),
    ...(pairs.length === 0 ? [] : [paint(DIM, printable(pairs.join(' ')))]),
  ]
  return `${columns.join('  ')}\n${stacks.map((stack) => `${paint(DIM, stack.replace(/^/gm, '    '))}\n`).join('')}`
}

function isErrorFacts(value: unknown): value is { readonly message: string; readonly stack?: string } {
  return typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string'
}

function compact(value: unknown): string {
  if (typeof value === 'string') return /^[\w.:/@%+-]+$/.test(value) ? value : JSON.stringify(value)
  return typeof value === 'object' ? inspect(value, { breakLength: Number.POSITIVE_INFINITY, depth: 4 }) : String(value)
}

function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the purpose.
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, (char) => (char === '\n' ? '\n    ' : ' '))
}
