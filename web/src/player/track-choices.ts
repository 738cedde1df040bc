// What a viewer may listen to and read, and what is on: plain data, for pages and tests.

export interface TrackChoice {
  /** Stays the same when the player is made anew. */
  readonly id: string
  readonly label: string
  /** BCP 47, for assistive technology; empty when unknown. */
  readonly language: string
}

export interface TrackChoices {
  readonly audio: readonly TrackChoice[]
  /** What is heard; null while nobody knows. */
  readonly audioId: string | null
  /** Subtitles, and captions that are in the pictures. */
  readonly text: readonly TrackChoice[]
  /** What is shown; null: nothing. */
  readonly textId: string | null
}

export const NO_CHOICES: TrackChoices = { audio: [], audioId: null, text: [], textId: null }

/** Whether two are the same to a viewer: a page is not drawn anew for anything else. */
export function isSameChoices(a: TrackChoices, b: TrackChoices): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
