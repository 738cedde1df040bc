// The rules in the order of the reference page.
import { CHANGE_RULES } from './changes.ts'
import { DATE_RULES } from './dates.ts'
import { HEADER_RULES } from './header.ts'
import { HINT_REPORT_RULES } from './hints-reports.ts'
import { HTTP_RULES } from './http.ts'
import { IFRAME_RULES } from './iframes.ts'
import { MEDIA_RULES } from './media.ts'
import { MULTIVARIANT_RULES } from './multivariant.ts'
import { RELOAD_RULES } from './reloads.ts'
import { RENDITION_RULES } from './renditions.ts'
import type { Rule } from './rule.ts'
import { SEGMENT_RULES } from './segments.ts'
import { SYNTAX_RULES } from './syntax.ts'
import { VARIANT_RULES } from './variants.ts'

export interface RuleChapter {
  readonly title: string
  readonly rules: readonly Rule[]
}

export const CHAPTERS: readonly RuleChapter[] = [
  { title: 'Lines and tags', rules: SYNTAX_RULES },
  { title: 'Head of a playlist', rules: HEADER_RULES },
  { title: 'Segments and parts', rules: SEGMENT_RULES },
  { title: 'Changes over time', rules: CHANGE_RULES },
  { title: 'Blocking reloads and delta updates', rules: RELOAD_RULES },
  { title: 'Preload hints and rendition reports', rules: HINT_REPORT_RULES },
  { title: 'Dates and date ranges', rules: DATE_RULES },
  { title: 'Multivariant playlist', rules: MULTIVARIANT_RULES },
  { title: 'Renditions against each other', rules: RENDITION_RULES },
  { title: 'Playlists against media', rules: MEDIA_RULES },
  { title: 'Variants against media', rules: VARIANT_RULES },
  { title: 'I-frame playlists', rules: IFRAME_RULES },
  { title: 'HTTP', rules: HTTP_RULES },
]

export const ALL_RULES: readonly Rule[] = CHAPTERS.flatMap(({ rules }) => rules)
