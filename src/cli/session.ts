import type { Command } from 'commander'
import type { JobView } from '../api/job-contract.ts'
import type { ApiClient } from './api-client.ts'

/** What a command gets: the server, and a way to answer a person or a program. */
export interface Session {
  readonly client: ApiClient
  readonly signal: AbortSignal
  /** `--json`: the value as the API gave it; else `text`. */
  print(value: unknown, text: string): void
  readonly isJson: boolean
  /** Waits for a job, showing how far it is; see `followJob`. */
  follow(jobId: string): Promise<JobView>
}

/** Runs one command against the server that the command's own flags name. */
export type WithSession = (command: Command, work: (session: Session) => Promise<void>) => Promise<void>
