/** Progress goes to standard error, so that the output of a command can be piped. @param {string} text */
export function say(text) {
  process.stderr.write(`mirror: ${text}\n`)
}

/** A failure the user can act on: printed without a stack trace. */
export class LaunchError extends Error {}
