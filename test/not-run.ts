import { appendFileSync, mkdirSync } from 'node:fs'

const folder = new URL('../node_modules/.cache/mirror/', import.meta.url)

/** Call it where a test is left out because the machine lacks something: `npm test` lists these at its end. */
export function notRun(what: string, why: string): void {
  mkdirSync(folder, { recursive: true })
  appendFileSync(new URL('not-run.jsonl', folder), `${JSON.stringify({ what, why })}\n`)
}
