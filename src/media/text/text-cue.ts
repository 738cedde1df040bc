// A piece of text and when it is shown: what every subtitles input yields and every subtitles segment is made of.

export interface TextCue {
  /** In seconds of whatever clock the cue is told in; the end is exclusive. */
  readonly startSec: number
  readonly endSec: number
  /** WebVTT cue text (W3C WebVTT 3.4): lines divided by `\n`, no empty line. */
  readonly text: string
  /** WebVTT cue settings such as `line:10% align:start`; empty for the usual place. */
  readonly settings: string
}

/** A screen of text has a few hundred characters. */
export const MAX_CUE_TEXT = 4096
const MAX_SETTINGS = 200
/** `region` refers to a definition that segments do not have. */
const SETTING = /^(?:vertical|line|position|size|align):[a-z0-9.,%-]{1,40}$/

/** Without what would end the cue, or its file, early. Null when nothing is left. */
export function cleanText(text: string): string | null {
  const lines = text
    .replaceAll('\0', '\uFFFD')
    .split(/\r\n|\n|\r/)
    .map((line) => line.replaceAll('-->', '—').trim())
    .filter((line) => line !== '')
  const clean = lines.join('\n').slice(0, MAX_CUE_TEXT)
  return clean === '' ? null : clean
}

/** The settings that are understood, in their order. */
export function cleanSettings(settings: string): string {
  return settings
    .slice(0, MAX_SETTINGS)
    .split(/[ \t\n]+/)
    .filter((setting) => SETTING.test(setting))
    .join(' ')
}

/** Plain text as cue text. */
export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
