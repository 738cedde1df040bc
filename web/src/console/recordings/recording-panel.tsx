// One recording: heard, explained, handed out.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Download, Link2, RotateCw, Trash2, X } from 'lucide-react'
import { useState } from 'react'
import type { RecordingLinkView, RecordingView } from '../../../../src/api/recording-contract.ts'
import { callApi, isProblem } from '../api/client.ts'
import { formatAbsolute, formatLength } from '../format/moment.ts'
import { formatBytes, formatCodec } from '../format/quantity.ts'
import { channelWords } from '../library/asset-facts.ts'
import { waveformQuery } from '../library/asset-queries.ts'
import { useMayOperate } from '../shell/session.ts'
import { SoundPlayer } from '../sound/sound-player.tsx'
import { Button, buttonClass, IconButton } from '../ui/button.tsx'
import { CopyRow } from '../ui/copy.tsx'
import { type Fact, Facts } from '../ui/facts.tsx'
import { ShareDialog } from '../ui/share-dialog.tsx'
import { ErrorState, Notice, Skeleton } from '../ui/states.tsx'
import { toastDone, toastError } from '../ui/toast.tsx'
import { DeleteRecordingDialog } from './delete-recording-dialog.tsx'
import { RECORDINGS_KEY, recordingPath, recordingQuery } from './recording-queries.ts'
import { downloadName, laneWords } from './recording-words.ts'

/** One that a link names and no loaded page shows. */
export function RecordingById({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const recording = useQuery(recordingQuery(id))
  return (
    <section className="card mb-4 p-4" aria-label="The recording of this link">
      <div className="mb-3 flex items-center justify-between gap-3">
        <h2 className="text-sm wrap-anywhere">{recording.data?.callId ?? 'Recording'}</h2>
        <IconButton label="Close" onClick={onClose}>
          <X size={15} />
        </IconButton>
      </div>
      {recording.data !== undefined ? (
        <RecordingPanel recording={recording.data} />
      ) : isProblem(recording.error, 'call_recording_not_found') ? (
        <p className="text-soft">There is no such recording any more, or the link is mistyped.</p>
      ) : recording.isError ? (
        <ErrorState error={recording.error} onRetry={() => void recording.refetch()} />
      ) : (
        <Skeleton className="h-28" />
      )}
    </section>
  )
}

export function RecordingPanel({ recording }: { readonly recording: RecordingView }) {
  const { id, status, failure, issues, sizeBytes } = recording
  const client = useQueryClient()
  const mayOperate = useMayOperate()
  const [open, setOpen] = useState<'share' | 'delete' | null>(null)
  const hasBytes = sizeBytes !== null
  const lookAgain = async (): Promise<void> => {
    try {
      await callApi('POST', `${recordingPath(id)}/backfill`)
      toastDone('Its bytes are looked at again.')
      await client.invalidateQueries({ queryKey: RECORDINGS_KEY })
    } catch (error) {
      toastError(error)
    }
  }
  return (
    <>
      <div className="space-y-4">
        {status === 'FAILED' && (
          <Notice tone="bad">
            <p className="font-medium">{failure?.message ?? 'It failed, and nobody wrote down why.'}</p>
            {failure !== null && <code className="font-mono">{failure.code}</code>}
          </Notice>
        )}
        {issues.length > 0 && (
          <Notice>
            <p className="font-medium">It differs from what the PBX said:</p>
            <ul className="list-disc pl-4">
              {issues.map(({ kind, message }) => (
                <li key={kind}>{message}</li>
              ))}
            </ul>
          </Notice>
        )}
        {hasBytes ? (
          <Player recording={recording} />
        ) : (
          status !== 'FAILED' && <p className="text-soft">It can be heard as soon as its bytes have arrived.</p>
        )}
        <div className="flex flex-wrap gap-2">
          {hasBytes && (
            <>
              <a
                href={`/api/v1${recordingPath(id)}/stream`}
                download={downloadName(recording)}
                className={buttonClass('plain', true)}
              >
                <Download size={13} /> Download
              </a>
              <Button isSmall icon={<Link2 size={13} />} onClick={() => setOpen('share')}>
                Share
              </Button>
            </>
          )}
          {mayOperate && hasBytes && (status === 'FAILED' || status === 'COMPLETED') && (
            <Button isSmall icon={<RotateCw size={13} />} onClick={() => void lookAgain()}>
              {status === 'FAILED' ? 'Try again' : 'Look at its bytes again'}
            </Button>
          )}
          {mayOperate && (
            <Button isSmall kind="quiet" icon={<Trash2 size={13} />} onClick={() => setOpen('delete')}>
              Delete
            </Button>
          )}
        </div>
        <div className="grid gap-x-8 gap-y-4 md:grid-cols-2 xl:grid-cols-3">
          <Facts facts={aboutRecording(recording)} />
          <Facts facts={retentionOf(recording)} />
          <Facts facts={saidOf(recording)} />
        </div>
        <details>
          <summary className="w-fit text-soft text-xs hover:text-ink">For programs</summary>
          <div className="mt-2 max-w-2xl">
            <CopyRow label="Recording id" value={id} />
            {recording.sha256 !== null && <CopyRow label="SHA-256" value={recording.sha256} />}
            <CopyRow label="Key in the store" value={recording.storageKey} />
            {recording.policyId !== null && <CopyRow label="Policy" value={recording.policyId} />}
          </div>
        </details>
      </div>
      <ShareDialog
        isOpen={open === 'share'}
        onClose={() => setOpen(null)}
        title="Share this recording"
        parts={[{ value: null, label: 'The recording' }]}
        makeLink={(_, sec) => callApi<RecordingLinkView>('GET', `${recordingPath(id)}/url?expiresIn=${sec}`)}
      />
      <DeleteRecordingDialog recording={recording} isOpen={open === 'delete'} onClose={() => setOpen(null)} />
    </>
  )
}

function Player({ recording }: { readonly recording: RecordingView }) {
  const { id, callId, waveform: path, durationSec } = recording
  const waveform = useQuery({ ...waveformQuery(path ?? ''), enabled: path !== null })
  return (
    <SoundPlayer
      src={`/api/v1${recordingPath(id)}/stream`}
      label={`Position in the call ${callId}`}
      durationSec={durationSec}
      waveform={path === null || waveform.isError ? null : waveform.data}
      lanes={laneWords(recording)}
    />
  )
}

function aboutRecording(recording: RecordingView): readonly Fact[] {
  const { legId, createdAt, format, codec, channels, sampleRateHz, sizeBytes, fileName, durationSec, original } =
    recording
  const sound = [
    codec === null ? format : formatCodec(codec),
    sampleRateHz === null ? null : `${sampleRateHz / 1000} kHz`,
    channelWords(channels),
  ].filter((part) => part !== null)
  return [
    { label: 'Received', value: formatAbsolute(Date.parse(createdAt)) },
    ...(legId === null ? [] : [{ label: 'Leg', value: legId }]),
    ...(durationSec === null ? [] : [{ label: 'Length', value: formatLength(durationSec) }]),
    ...(sound.length === 0 ? [] : [{ label: 'Sound', value: sound.join(', ') }]),
    ...(sizeBytes === null ? [] : [{ label: 'Size', value: formatBytes(sizeBytes) }]),
    ...(original === null
      ? []
      : [{ label: 'Came as', value: `${formatCodec(original.codec)}, ${formatBytes(original.sizeBytes)}` }]),
    ...(fileName === null ? [] : [{ label: 'File', value: fileName }]),
  ]
}

function retentionOf({ tier, scheduledDeletionAt, movedToWarmAt }: RecordingView): readonly Fact[] {
  return [
    { label: 'Tier', value: tier },
    ...(movedToWarmAt === null ? [] : [{ label: 'Warm since', value: formatAbsolute(Date.parse(movedToWarmAt)) }]),
    {
      label: 'Kept until',
      value: scheduledDeletionAt === null ? 'For ever' : formatAbsolute(Date.parse(scheduledDeletionAt)),
    },
  ]
}

/** What the PBX said, and whatever it sent along. */
function saidOf({ expected, sourceUrl, metadata }: RecordingView): readonly Fact[] {
  const said = [
    expected.durationSec === null ? null : formatLength(expected.durationSec),
    channelWords(expected.channels),
    expected.format,
  ].filter((part) => part !== null)
  return [
    ...(said.length === 0 ? [] : [{ label: 'The PBX said', value: said.join(', ') }]),
    ...(sourceUrl === null ? [] : [{ label: 'Fetched from', value: sourceUrl }]),
    ...Object.entries(metadata).map(([label, value]) => ({
      label,
      value: typeof value === 'string' ? value : JSON.stringify(value),
    })),
  ]
}
