import { ExternalLink, Eye, EyeOff } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import type { StreamView } from '../../../../src/api/stream-contract.ts'
import type { ConnectTab } from '../search-params.ts'
import { Button } from '../ui/button.tsx'
import { CommandBlock, CopyRow } from '../ui/copy.tsx'
import { Section } from '../ui/section.tsx'
import { Notice } from '../ui/states.tsx'
import { Tabs } from '../ui/tabs.tsx'
import {
  type Command,
  cmafCommands,
  type Ingest,
  iframeSnippet,
  maskKey,
  rtmpCommands,
  secondsOf,
  srtCommands,
} from './connect-commands.ts'

export function ConnectPanel({
  stream,
  tab,
  onTab,
}: {
  readonly stream: StreamView
  readonly tab: ConnectTab
  readonly onTab: (tab: ConnectTab) => void
}) {
  return (
    <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1.4fr)_minmax(0,1fr)]">
      {stream.ingest === null ? (
        <Section title="Publish">
          <p className="text-soft">Your role may watch this stream but not see its publish keys. Ask an operator.</p>
        </Section>
      ) : (
        <PublishSection stream={stream} ingest={stream.ingest} tab={tab} onTab={onTab} />
      )}
      <PlaybackSection stream={stream} />
    </div>
  )
}

function PublishSection({
  stream,
  ingest,
  tab,
  onTab,
}: {
  readonly stream: StreamView
  readonly ingest: Ingest
  readonly tab: ConnectTab
  readonly onTab: (tab: ConnectTab) => void
}) {
  const [isKeyShown, setKeyShown] = useState(false)
  const segmentSec = secondsOf(stream.settings.segment)
  const show = (text: string): string => (isKeyShown ? text : maskKey(text, stream.publishKey))
  const commands = (list: readonly Command[]) => (
    <div className="space-y-3">
      {list.map(({ label, command }) => (
        <CommandBlock key={label} label={label} command={command} shown={show(command)} />
      ))}
      <p className="text-soft text-xs">
        Replace <code className="font-mono">video.mp4</code> with your file, or with a camera or capture device. The
        copied text always contains the key.
      </p>
    </div>
  )
  const tabs = [
    {
      id: 'obs',
      label: 'OBS',
      content:
        ingest.rtmpServer === null ? (
          <Off name="RTMP" />
        ) : (
          <ObsSteps ingest={ingest} show={show} segmentSec={segmentSec} />
        ),
    },
    {
      id: 'srt',
      label: <ToolLabel protocol="SRT" />,
      content: ingest.srt === null ? <Off name="SRT" /> : commands(srtCommands(ingest.srt, segmentSec)),
    },
    {
      id: 'rtmp',
      label: <ToolLabel protocol="RTMP" />,
      content: ingest.rtmp === null ? <Off name="RTMP" /> : commands(rtmpCommands(ingest.rtmp, segmentSec)),
    },
    { id: 'cmaf', label: <ToolLabel protocol="CMAF" />, content: commands(cmafCommands(ingest.cmaf, segmentSec)) },
  ]
  return (
    <Section
      title="Publish"
      description="Point your encoder here. The picture above starts by itself."
      actions={
        <Button
          isSmall
          kind="quiet"
          onClick={() => setKeyShown(!isKeyShown)}
          icon={isKeyShown ? <EyeOff size={14} /> : <Eye size={14} />}
        >
          {isKeyShown ? 'Hide key' : 'Show key'}
        </Button>
      }
    >
      <Tabs look="card" label="Way to publish" tabs={tabs} value={tab} onChange={(id) => onTab(id as ConnectTab)} />
    </Section>
  )
}

function ToolLabel({ protocol }: { readonly protocol: string }) {
  return (
    <>
      <span className="max-sm:sr-only">ffmpeg </span>
      {protocol}
    </>
  )
}

function ObsSteps({
  ingest,
  show,
  segmentSec,
}: {
  readonly ingest: Ingest
  readonly show: (text: string) => string
  readonly segmentSec: number
}) {
  return (
    <div className="space-y-4">
      <Step number={1}>
        In OBS open <b className="font-medium">Settings → Stream</b>, choose the service{' '}
        <b className="font-medium">Custom…</b> and enter:
      </Step>
      <div className="rounded-lg border border-line px-3 py-1">
        <CopyRow label="Server" value={ingest.rtmpServer ?? ''} />
        <CopyRow label="Stream key" value={ingest.rtmpKey ?? ''} shown={show(ingest.rtmpKey ?? '')} />
      </div>
      <Step number={2}>
        In <b className="font-medium">Settings → Output → Streaming</b> (output mode Advanced) set the keyframe interval
        to <b className="font-medium">{Math.max(1, Math.round(segmentSec))} s</b>, and with x264 the tune to{' '}
        <b className="font-medium">zerolatency</b>.
      </Step>
      <Step number={3}>Start streaming. The state above changes to Live.</Step>
    </div>
  )
}

function Step({ number, children }: { readonly number: number; readonly children: ReactNode }) {
  return (
    <div className="flex gap-3">
      <span className="tnum flex size-5 shrink-0 items-center justify-center rounded-full bg-sunken font-medium text-soft text-xs">
        {number}
      </span>
      <p>{children}</p>
    </div>
  )
}

function Off({ name }: { readonly name: string }) {
  return <Notice>{name} is switched off or not available on this server; the settings page says why.</Notice>
}

function PlaybackSection({ stream }: { readonly stream: StreamView }) {
  const { hls, watch } = stream.playback
  return (
    <Section
      title="Watch"
      description="Playback is public: who has the address can watch."
      actions={
        <a
          href={watch}
          target="_blank"
          rel="noreferrer"
          className="flex h-7 items-center gap-1.5 font-medium text-accent text-xs hover:underline"
        >
          Open player page <ExternalLink size={13} />
        </a>
      }
    >
      <div className="rounded-lg border border-line px-3 py-1">
        <CopyRow label="Player page" value={watch} />
        <CopyRow label="HLS playlist" value={hls} />
      </div>
      <div className="mt-3 space-y-3">
        <CommandBlock label="Put the player on a web page" command={iframeSnippet(watch)} />
        <CommandBlock label="Play with ffplay" command={`ffplay -fflags nobuffer "${hls}"`} />
      </div>
    </Section>
  )
}
