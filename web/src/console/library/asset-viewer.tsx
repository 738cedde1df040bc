// The asset itself: a picture, a player, a waveform, or what stands for it.
import { useQuery } from '@tanstack/react-query'
import { Download } from 'lucide-react'
import { useEffect, useState } from 'react'
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { playFilm } from '../../player/film-player.ts'
import { isProblem } from '../api/client.ts'
import { SoundPlayer } from '../sound/sound-player.tsx'
import { buttonClass } from '../ui/button.tsx'
import { waveformQuery } from './asset-queries.ts'
import { Blur, KindIcon } from './asset-thumb.tsx'
import { formatWords, numberFact, originalPath, showableOf, textFact } from './asset-words.ts'
import { Filmstrip } from './filmstrip.tsx'

export function AssetViewer({ asset }: { readonly asset: AssetView }) {
  switch (asset.kind) {
    case 'image':
    case 'document':
      return <PictureView asset={asset} />
    case 'video':
      // Made anew when it can be played better than before.
      return <VideoView key={playedPart(asset)} asset={asset} />
    case 'audio':
      return <SoundView asset={asset} />
    default:
      return <FileView asset={asset} />
  }
}

const FRAME = 'relative overflow-hidden rounded-[10px] border border-line bg-sunken'

/** As high as the picture will be, but no higher than most of the screen: nothing jumps when it comes. */
function PictureView({ asset }: { readonly asset: AssetView }) {
  const shown = showableOf(asset)
  const width = numberFact(asset, 'width') ?? shown?.width ?? 4
  const height = numberFact(asset, 'height') ?? shown?.height ?? 3
  const blurhash = textFact(asset, 'blurhash')
  const path = shown?.path ?? null
  const [isLoaded, setLoaded] = useState(false)
  if (path === null) return <FileView asset={asset} />
  return (
    <div className={`${FRAME} flex items-center justify-center p-0`}>
      <div
        className={`relative mx-auto max-h-[70dvh] max-w-full ${asset.facts['hasAlpha'] === true ? 'checkered' : ''}`}
        style={{ aspectRatio: `${width} / ${height}`, width: `min(100%, calc(70dvh * ${width / height}), ${width}px)` }}
      >
        {blurhash !== null && <Blur blurhash={blurhash} isShown={!isLoaded} />}
        <img
          key={path}
          src={path}
          alt={asset.name}
          decoding="async"
          onLoad={() => setLoaded(true)}
          className={`absolute inset-0 size-full object-contain transition-opacity duration-200 ${isLoaded ? '' : 'opacity-0'}`}
        />
      </div>
    </div>
  )
}

type Engine = 'hls' | 'file' | 'none'

/** What was made playable: the same whenever its address is renewed, another when it is made again. */
function playedPart({ playback }: AssetView): string {
  return /\/hls-[0-9a-f]+\//.exec(playback?.hls ?? '')?.[0] ?? ''
}

function VideoView({ asset }: { readonly asset: AssetView }) {
  const poster = asset.renditions.find(({ name }) => name === 'poster')?.path
  const films = asset.renditions.filter(({ contentType }) => contentType.startsWith('video/mp4'))
  const [video, setVideo] = useState<HTMLVideoElement | null>(null)
  // The address is renewed each hour; whoever is watching stays with the one that began, until something else is played.
  const [url] = useState(asset.playback?.hls ?? null)
  const [engine, setEngine] = useState<Engine>(url === null ? 'file' : 'hls')
  useEffect(() => {
    if (video === null || url === null || engine !== 'hls') return
    return playFilm(video, url, () => setEngine('file'))
  }, [video, url, engine])
  if (engine === 'none')
    return <FileView asset={asset} note="This browser cannot play it as it is. Downloading it works." />
  const sources = [
    ...films.map(({ path, contentType }) => ({ path, type: contentType })),
    { path: originalPath(asset), type: undefined },
  ]
  return (
    <div>
      <div className={FRAME}>
        {/* biome-ignore lint/a11y/useMediaCaption: Its subtitles are in the playlist, when it has any. */}
        <video
          key={engine}
          ref={setVideo}
          controls
          preload="metadata"
          playsInline
          poster={poster}
          aria-label={asset.name}
          className="mx-auto aspect-video max-h-[70dvh] w-full bg-black"
        >
          {engine === 'file' &&
            sources.map(({ path, type }, at) => (
              <source
                key={path}
                src={path}
                type={type}
                // The last one is the last hope.
                onError={at === sources.length - 1 ? () => setEngine('none') : undefined}
              />
            ))}
        </video>
      </div>
      <Filmstrip
        asset={asset}
        onSeek={(sec) => {
          if (video !== null) video.currentTime = sec
        }}
      />
    </div>
  )
}

function SoundView({ asset }: { readonly asset: AssetView }) {
  const rendition = asset.renditions.find(({ name }) => name === 'waveform')
  const waveform = useQuery({ ...waveformQuery(rendition?.path ?? ''), enabled: rendition !== undefined })
  const isGone = rendition === undefined || waveform.isError || isProblem(waveform.error, 'rendition_not_found')
  // What browsers can play, before what was sent.
  const played = asset.renditions.find(({ name }) => name === 'm4a')?.path ?? originalPath(asset)
  return (
    <div className="card p-4">
      <SoundPlayer
        key={asset.id}
        src={played}
        label={`Position in ${asset.name}`}
        durationSec={numberFact(asset, 'durationSec')}
        waveform={isGone ? null : waveform.data}
        lanes={['Left', 'Right']}
      />
    </div>
  )
}

/** Why a document has no first page, if it is known. */
function noteOf(asset: AssetView): string {
  const why = textFact(asset, 'pageProblem')
  return why === null ? `${formatWords(asset)} files are not shown here.` : `Its pages are not shown: ${why}.`
}

function FileView({ asset, note }: { readonly asset: AssetView; readonly note?: string }) {
  return (
    <div className={`${FRAME} flex min-h-60 flex-col items-center justify-center gap-3 p-6 text-center text-soft`}>
      <KindIcon kind={asset.kind} size={36} />
      <p>{note ?? noteOf(asset)}</p>
      <a href={originalPath(asset)} download={asset.name} className={buttonClass()}>
        <Download size={14} /> Download
      </a>
    </div>
  )
}
