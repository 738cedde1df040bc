// docs/reference/errors.md, made from the catalogue.
import { ERRORS, type Fault } from '../core/errors.ts'

const WHO: Readonly<Record<Fault, string>> = {
  caller: 'whoever asked',
  destination: 'whoever runs what Mirror depends on',
  mirror: 'whoever runs Mirror',
}

export function renderErrorsDoc(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { status, title, fault, advice }]) =>
      `| <a id="${code}"></a>\`${code}\` | ${status} | ${cell(title)} | ${WHO[fault]} | ${cell(advice)} |`,
  )
  return [
    '# Errors',
    '',
    'Every error that Mirror reports has one of these codes: over HTTP as `application/problem+json` (RFC 9457) in the',
    'field `code`, in events, in the log, and in what the command line prints. Codes are stable; texts may get better.',
    '',
    '```json',
    JSON.stringify(EXAMPLE, null, 2),
    '```',
    '',
    '| code | HTTP status | meaning | who can act | what to do |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    'This page is made from `src/core/errors.ts`; a test keeps them equal.',
    '',
  ].join('\n')
}

const EXAMPLE = {
  type: 'urn:mirror:error:stream_not_found',
  title: ERRORS.stream_not_found.title,
  status: ERRORS.stream_not_found.status,
  detail: 'There is no stream "studio-1"',
  code: 'stream_not_found',
  advice: ERRORS.stream_not_found.advice,
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
