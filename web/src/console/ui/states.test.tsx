import { renderToStaticMarkup } from 'react-dom/server'
import { expect, test } from 'vitest'
import { ProblemError, toProblem } from '../api/client.ts'
import { EmptyState, ErrorState, InlineProblem } from './states.tsx'
import { StatusBadge } from './status.tsx'

const failure = new ProblemError(
  toProblem(503, {
    code: 'database_unavailable',
    title: 'The database cannot be reached',
    detail: 'The database did not answer within 5 s.',
    advice: 'Check MIRROR_DATABASE_URL and that the server runs.',
  }),
)

test('a failure names cause and remedy, and offers to try again', () => {
  const page = renderToStaticMarkup(<ErrorState error={failure} onRetry={() => undefined} />)
  expect(page).toContain('role="alert"')
  expect(page).toContain('did not answer within 5 s')
  expect(page).toContain('Check MIRROR_DATABASE_URL')
  expect(page).toContain('Try again')
})

test('a failure that cannot be repeated has no button', () => {
  expect(renderToStaticMarkup(<ErrorState error={failure} />)).not.toContain('<button')
})

test('a bug of the console is a sentence too', () => {
  const page = renderToStaticMarkup(<InlineProblem error={new Error('x is undefined')} />)
  expect(page).toContain('x is undefined')
  expect(page).toContain('Reload the page.')
})

test('an empty state says what to do', () => {
  const page = renderToStaticMarkup(
    <EmptyState title="No streams yet" actions={<button type="button">Create</button>} />,
  )
  expect(page).toContain('No streams yet')
  expect(page).toContain('Create')
})

test('a state is told in words, and a stale one no longer pulses', () => {
  expect(renderToStaticMarkup(<StatusBadge status="live" />)).toContain('Live')
  expect(renderToStaticMarkup(<StatusBadge status="live" />)).toContain('animate-ring')
  expect(renderToStaticMarkup(<StatusBadge status="live" isStale />)).not.toContain('animate-ring')
})
