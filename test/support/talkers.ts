// Processes whose output helps to understand a test that failed.

export interface Talker {
  readonly name: string
  readonly output: string
  readonly hasEnded: boolean
}

const SHOWN_LINES = 60
const SHOWN_CHARACTERS = 12_000

const talkers = new Set<Talker>()

/** Its output is shown with the failures of tests that end from now on, the last time when it has ended itself. */
export function showOnFailure(talker: Talker): void {
  talkers.add(talker)
}

/** What each one logged last. */
export function lastWords(): readonly string[] {
  return [...talkers].map(({ name, output }) => {
    const lines = output.split('\n').filter((line) => line.startsWith('{'))
    return `${name} said last:\n${lines.slice(-SHOWN_LINES).join('\n').slice(-SHOWN_CHARACTERS)}`
  })
}

export function forgetEnded(): void {
  for (const talker of talkers) if (talker.hasEnded) talkers.delete(talker)
}
