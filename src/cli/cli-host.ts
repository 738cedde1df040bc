// What the command line may use of the world. The composition root fills it in; tests pass their own.

/** Settings given as flags of `mirror serve`, as text; the configuration loader checks them. */
export interface ServeFlags {
  readonly config?: string
  readonly data?: string
  readonly bind?: string
  readonly apiPort?: string
  readonly mediaPort?: string
  readonly rtmpPort?: string
  readonly srtPort?: string
  readonly publicUrl?: string
  readonly databaseUrl?: string
  readonly logLevel?: string
}

export interface CliHost {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly version: string
  readonly fetch: typeof fetch
  /** Write text as it is, without adding a line end. */
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  /** Standard error is a terminal: a line can be written over. */
  readonly isTerminal: boolean
  /** Runs the server until it stops; its exit code. */
  readonly serve: (flags: ServeFlags) => Promise<number>
  /** Aborted by Ctrl-C; ends commands that follow something. */
  readonly signal: AbortSignal
}
