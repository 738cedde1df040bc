import { useMutation, useQueryClient } from '@tanstack/react-query'
import { ArrowDown, ArrowUp, Radio } from 'lucide-react'
import type { StreamView } from '../../../../src/api/stream-contract.ts'
import { callApi } from '../api/client.ts'
import { streamPath, streamQuery } from '../api/queries.ts'
import { formatBitrate } from '../format/quantity.ts'
import { Button, IconButton } from '../ui/button.tsx'
import { Section } from '../ui/section.tsx'
import { toastDone, toastError } from '../ui/toast.tsx'
import { type InputRow, inputRows, moved } from './input-rows.ts'

/** Which input is on air, which could be, and the way to change that. */
export function InputsPanel({ stream }: { readonly stream: StreamView }) {
  const client = useQueryClient()
  const rows = inputRows(stream)
  const order = stream.inputs.map(({ id }) => id)
  const inputs = `${streamPath(stream.id)}/inputs`
  const activate = useMutation({
    mutationFn: (id: string) => callApi('POST', `${inputs}/${encodeURIComponent(id)}/activate`),
    onSuccess: (_, id) => toastDone(`${id} is on air.`),
    onError: toastError,
  })
  const reorder = useMutation({
    mutationFn: (next: readonly string[]) => callApi('PATCH', inputs, { body: { order: next } }),
    onSuccess: () => client.invalidateQueries({ queryKey: streamQuery(stream.id).queryKey, exact: true }),
    onError: toastError,
  })
  return (
    <Section
      title="Inputs"
      description={`When the one on air is silent for ${stream.settings.switchAfter}, the first healthy one takes its place.`}
    >
      {rows.length === 0 && (
        <p className="text-soft">No encoder is connected, and Mirror itself listens to nothing for this stream.</p>
      )}
      {rows.length > 0 && (
        <ul className="divide-y divide-line rounded-lg border border-line" aria-label="Inputs of this stream">
          {rows.map((row) => (
            <li key={row.id} className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-3 py-2">
              <InputWords row={row} />
              <div className="flex items-center gap-1">
                {row.configured !== null && order.length > 1 && (
                  <>
                    <MoveButton row={row} order={order} by={-1} onMove={reorder.mutate} />
                    <MoveButton row={row} order={order} by={1} onMove={reorder.mutate} />
                  </>
                )}
                {row.connected?.role === 'standby' && (
                  <Button
                    isSmall
                    icon={<Radio size={14} />}
                    disabled={!row.mayActivate}
                    isBusy={activate.isPending && activate.variables === row.id}
                    onClick={() => activate.mutate(row.id)}
                  >
                    Put on air
                  </Button>
                )}
              </div>
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}

function InputWords({ row }: { readonly row: InputRow }) {
  const { connected } = row
  return (
    <div className="min-w-0">
      <div className="flex flex-wrap items-baseline gap-x-2">
        <span className={connected?.role === 'active' ? 'font-semibold' : ''}>{row.id}</span>
        <span className="truncate text-soft text-xs">{row.source}</span>
      </div>
      <div className={`text-xs ${row.isFailing ? 'text-bad' : 'text-soft'}`}>
        {row.state}
        {connected !== null && connected.bitrateBps > 0 && ` · ${formatBitrate(connected.bitrateBps)}`}
      </div>
    </div>
  )
}

function MoveButton(props: {
  readonly row: InputRow
  readonly order: readonly string[]
  readonly by: -1 | 1
  readonly onMove: (order: readonly string[]) => void
}) {
  const { row, order, by, onMove } = props
  const next = moved(order, row.id, by)
  const label = by < 0 ? `Prefer ${row.id}` : `Prefer ${row.id} less`
  return (
    <IconButton label={label} disabled={next === null} onClick={() => next !== null && onMove(next)}>
      {by < 0 ? <ArrowUp size={14} /> : <ArrowDown size={14} />}
    </IconButton>
  )
}
