import type { Command } from 'commander'
import type { ExplanationListView, ExplanationView } from '../api/object-contract.ts'
import { serverCommand } from './server-command.ts'
import type { WithSession } from './session.ts'
import { renderAmount, renderFacts, renderTable, renderTime } from './table.ts'

/** `mirror explain`: where the bytes of an object are, what has happened to them, what will, and what stands in the way. */
export function addExplainCommand(program: Command, withSession: WithSession): void {
  serverCommand(program, 'explain <object>', 'say all about an object: by its key, or by a stream and --at')
    .option('--at <time>', 'of a stream: ISO 8601, seconds since 1970, or negative: before now')
    .option('--track <id>', 'of a stream: one track only')
    .action((object: string, { at, track }: { at?: string; track?: string }, command: Command) =>
      withSession(command, async ({ client, print }) => {
        const query = new URLSearchParams(at === undefined ? { key: object } : { stream: object, at })
        if (track !== undefined) query.set('track', track)
        const { objects } = await client.get<ExplanationListView>(`/objects/explain?${query}`)
        const text =
          objects.length === 0 ? 'Nothing of this stream was ever recorded.\n' : objects.map(render).join('\n')
        print(objects, text)
      }),
    )
}

function render(of: ExplanationView): string {
  const { key, what, stream, track, from, to, segments, where, object, span, dueAt, due, blocks, ledger } = of
  const facts: [string, string][] = [[key === null ? 'track' : 'object', key ?? `${stream} ${track}`]]
  facts.push(['what', what])
  if (from !== null) facts.push(['media', `${segments} ${segments === 1 ? 'segment' : 'segments'}, ${from} to ${to}`])
  facts.push(['where', where === 'store' && object !== null ? placeOf(object) : where])
  if (span !== null) facts.push(['bytes', `${span.length} from ${span.offset} on`])
  facts.push(['due', dueAt === null ? due : `${renderTime(dueAt)}: ${due}`])
  for (const block of blocks) facts.push(['but', block])
  const rows = ledger.map(({ at, action, state, from: source, to: target, job, note }) => {
    const tiers = target === null ? '' : `${source ?? '?'} → ${target}`
    return [renderTime(at), action, state, tiers, job ?? 'retention', note ?? '']
  })
  const table = rows.length === 0 ? '' : `\n${renderTable(['WHEN', 'WHAT', 'STATE', 'TIER', 'BY', 'NOTE'], rows)}`
  return `${renderFacts(facts)}${table}`
}

function placeOf({ tier, storageClass, bytes, restore }: NonNullable<ExplanationView['object']>): string {
  const named = storageClass === null ? '' : `, storage class ${storageClass}`
  const restored =
    restore === null ? '' : `, ${restore.state}${restore.until === null ? '' : ` until ${renderTime(restore.until)}`}`
  return `store, ${tier}${named}, ${renderAmount(bytes)}${restored}`
}
