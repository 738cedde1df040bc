/** Something the person at the prompt can act on: one sentence and one piece of advice, exit code 1. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly advice: string

  constructor(message: string, advice: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.advice = advice
  }
}
