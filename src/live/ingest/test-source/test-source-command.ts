export interface TestSourceSettings {
  readonly widthPx: number
  readonly heightPx: number
  /** Whole frames per second. */
  readonly fps: number
  readonly videoBitrateBps: number
  /** Burn in clock and frame number. Needs ffmpeg's drawtext filter and a font known to fontconfig. */
  readonly withText: boolean
}

export const DEFAULT_TEST_SOURCE: TestSourceSettings = {
  widthPx: 1280,
  heightPx: 720,
  fps: 30,
  videoBitrateBps: 2_000_000,
  withText: true,
}

const AUDIO_RATE_HZ = 48_000
const AUDIO_BITRATE_BPS = 96_000
const BEEP_HZ = 1_000
const BEEP_SEC = 0.08
/** A comma separates filters: inside an expression it is escaped. */
const AT_FULL_SECOND = `lt(mod(t\\,1)\\,${BEEP_SEC})`

/**
 * Arguments of ffmpeg for a moving picture with a UTC clock, and a beep and a white flash at each full second, as
 * fragmented MP4 on stdout.
 *
 * The timestamps are epoch time, taken from the system's clock once (RTCSTART, microseconds): clock, flash, beep and tfdt
 * are all computed from the same timestamp, so they agree exactly, for as long as it runs. Video starts on a frame
 * boundary of the epoch, so that two runs lie on the same grid.
 */
export function testSourceArgs(settings: TestSourceSettings): string[] {
  const { widthPx, heightPx, fps, videoBitrateBps } = settings
  return [
    ...['-nostdin', '-hide_banner', '-loglevel', 'warning'],
    // -re paces by the system's clock and catches up after a stall, so the picture never falls behind for good.
    ...['-re', '-f', 'lavfi', '-i', `testsrc2=size=${widthPx}x${heightPx}:rate=${fps}`],
    ...['-re', '-f', 'lavfi', '-i', `anullsrc=sample_rate=${AUDIO_RATE_HZ}:channel_layout=mono:nb_samples=480`],
    ...['-filter_complex', `${videoFilters(settings)};${audioFilters()}`, '-map', '[video]', '-map', '[audio]'],
    // Without this the start at epoch time counts as a gap of 50 years. The option exists since ffmpeg 5.1.
    ...['-fps_mode', 'passthrough'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-profile:v', 'baseline'],
    ...['-pix_fmt', 'yuv420p', '-g', String(fps), '-keyint_min', String(fps), '-sc_threshold', '0'],
    // Sliced threads split the picture for speed that is not needed at this size, and cost CPU.
    ...['-threads:v', '1'],
    ...['-b:v', String(videoBitrateBps), '-maxrate', String(videoBitrateBps), '-bufsize', String(videoBitrateBps)],
    ...['-c:a', 'aac', '-b:a', String(AUDIO_BITRATE_BPS)],
    // frag_discont makes tfdt the absolute timestamp, provided that timestamps are not moved to zero. A fragment
    // duration below one frame gives one frame per fragment; frag_every_frame loses timestamps in ffmpeg 5.1.
    ...['-f', 'mp4', '-avoid_negative_ts', 'disabled', '-frag_duration', String(Math.floor(500_000 / fps))],
    ...['-movflags', '+cmaf+empty_moov+default_base_moof+frag_discont', '-flush_packets', '1', 'pipe:1'],
  ]
}

function videoFilters({ widthPx, heightPx, fps, withText }: TestSourceSettings): string {
  const flash = `drawbox=x=0:y=0:w=${even(widthPx / 8)}:h=${even(heightPx / 8)}:color=white:t=fill:enable=${AT_FULL_SECOND}`
  const filters = [`[0:v]setpts=round(RTCSTART/1000000*${fps})+N`, flash]
  if (withText) filters.push(text(clock(), heightPx / 10, 0.62), text('frame %{frame_num}', heightPx / 18, 0.8))
  return `${filters.join(',')}[video]`
}

function audioFilters(): string {
  const beep = `0.4*sin(2*PI*${BEEP_HZ}*mod(t\\,1))*${AT_FULL_SECOND}`
  return `[1:a]asetpts=round(RTCSTART/1000000*${AUDIO_RATE_HZ})+NB_CONSUMED_SAMPLES,aeval=${beep}:c=same[audio]`
}

function text(content: string, fontSizePx: number, yFraction: number): string {
  const box = `box=1:boxcolor=black@0.7:boxborderw=${Math.round(fontSizePx / 4)}`
  const place = `x=(w-tw)/2:y=h*${yFraction}`
  return `drawtext=fontsize=${Math.round(fontSizePx)}:fontcolor=white:${box}:${place}:text='${content}'`
}

/** HH:MM:SS.mmm of the frame's timestamp; drawtext's own time functions have no milliseconds or no UTC. */
function clock(): string {
  const number = (expression: string, digits: number): string =>
    `%{eif\\:${expression.replaceAll(',', '\\,')}\\:d\\:${digits}}`
  // The timestamp is rounded to milliseconds first: 59.9996 s is the next minute everywhere.
  const ms = 'round(t*1000)'
  const hours = number(`mod(floor(${ms}/3600000),24)`, 2)
  const minutes = number(`mod(floor(${ms}/60000),60)`, 2)
  const seconds = number(`mod(floor(${ms}/1000),60)`, 2)
  return `${hours}\\:${minutes}\\:${seconds}.${number(`mod(${ms},1000)`, 3)} UTC`
}

/** 4:2:0 has no odd positions. */
function even(pixels: number): number {
  return 2 * Math.round(pixels / 2)
}
