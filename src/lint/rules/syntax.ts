// Lines and tags: RFC 8216bis section 4. The parser finds the faults; each kind of them is a rule.
import type { SyntaxFaultKind } from '../playlist-parser.ts'
import { BIS, type Rule, type Severity } from './rule.ts'

function syntaxRule(id: SyntaxFaultKind, severity: Severity, section: string, title: string): Rule {
  return {
    id,
    severity,
    title,
    source: `${BIS} §${section}`,
    *playlist({ faults }) {
      for (const { kind, line, seen } of faults) if (kind === id) yield { line, seen }
    },
  }
}

export const SYNTAX_RULES: readonly Rule[] = [
  syntaxRule('first-line', 'must', '4.4.1.1', 'The first line of a playlist is #EXTM3U.'),
  syntaxRule('encoding', 'must', '4', 'A playlist is UTF-8 without byte order mark and control characters.'),
  syntaxRule(
    'attribute-syntax',
    'must',
    '4.2',
    'Attribute lists are NAME=value pairs, comma-separated, without white space.',
  ),
  syntaxRule('attribute-repeated', 'must', '4.2', 'No attribute appears twice in one tag.'),
  syntaxRule('attribute-required', 'must', '4.4', 'Tags carry their required attributes.'),
  syntaxRule('attribute-type', 'must', '4.2', 'Attribute values have the type that the attribute asks for.'),
  syntaxRule('tag-value', 'must', '4.4', 'Tags have a value of the right form, or none where none is defined.'),
  syntaxRule('tag-repeated', 'must', '4.4', 'Tags that may appear once do not appear twice.'),
  syntaxRule('tag-unknown', 'advice', '6.3.1', 'Tags are ones that the specification knows; players ignore others.'),
  syntaxRule('kinds-mixed', 'must', '4.4', 'A playlist holds media tags or multivariant tags, never both.'),
  syntaxRule('extinf-required', 'must', '4.4.4.1', 'Each segment has an EXTINF.'),
  syntaxRule('uri-required', 'must', '4.4', 'Each EXTINF and EXT-X-STREAM-INF is followed by one URI line.'),
]
