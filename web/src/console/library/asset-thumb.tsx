import { decode } from 'blurhash'
import { File, FileText, Film, Image, type LucideIcon, Music } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { pictureOf, textFact } from './asset-words.ts'
import type { Kind } from './library-search.ts'

const KIND_ICONS: Readonly<Record<Kind, LucideIcon>> = {
  image: Image,
  video: Film,
  audio: Music,
  document: FileText,
  other: File,
}

export function KindIcon({ kind, size = 16 }: { readonly kind: Kind; readonly size?: number }) {
  const Icon = KIND_ICONS[kind]
  return <Icon size={size} aria-hidden />
}

/** Fills the box around it, whose size never changes; until the picture is there a blur of it is. */
export function AssetThumb({
  asset,
  sizes,
  isSmall = false,
}: {
  readonly asset: AssetView
  /** How wide it is shown, as CSS says it. */
  readonly sizes: string
  readonly isSmall?: boolean
}) {
  const picture = pictureOf(asset)
  const blurhash = textFact(asset, 'blurhash')
  const [isLoaded, setLoaded] = useState(false)
  return (
    <span className="absolute inset-0 flex items-center justify-center bg-sunken text-edge">
      {blurhash === null ? (
        <KindIcon kind={asset.kind} size={isSmall ? 16 : 28} />
      ) : (
        <Blur blurhash={blurhash} isShown={!isLoaded} />
      )}
      {picture !== null && (
        <img
          src={picture.src}
          srcSet={picture.srcSet}
          sizes={sizes}
          alt=""
          loading="lazy"
          decoding="async"
          onLoad={() => setLoaded(true)}
          className={`absolute inset-0 size-full transition-opacity duration-200 ${isSmall ? 'object-cover' : 'object-contain'} ${isLoaded ? '' : 'opacity-0'}`}
        />
      )}
    </span>
  )
}

/** As many points as a blur has to tell. */
const BLUR_PX = 24

export function Blur({ blurhash, isShown }: { readonly blurhash: string; readonly isShown: boolean }) {
  const ref = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    const context = ref.current?.getContext('2d')
    if (context === null || context === undefined) return
    try {
      const pixels = new Uint8ClampedArray(decode(blurhash, BLUR_PX, BLUR_PX))
      context.putImageData(new ImageData(pixels, BLUR_PX, BLUR_PX), 0, 0)
    } catch {
      // What cannot be read is no reason to show nothing else.
    }
  }, [blurhash])
  return (
    <canvas
      ref={ref}
      width={BLUR_PX}
      height={BLUR_PX}
      aria-hidden
      className={`absolute inset-0 size-full transition-opacity duration-300 ${isShown ? '' : 'opacity-0'}`}
    />
  )
}
