// Playlists as hls-parser, an independent judge, reads them.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { parse, type types } from 'hls-parser'

const run = promisify(execFile)

export async function mediaPlaylist(url: string): Promise<types.MediaPlaylist> {
  const playlist = parse(await text(url))
  if (playlist.isMasterPlaylist) throw new Error(`${url} is a multivariant playlist`)
  return playlist as types.MediaPlaylist
}

export async function multivariantPlaylist(url: string): Promise<types.MasterPlaylist> {
  const playlist = parse(await text(url))
  if (!playlist.isMasterPlaylist) throw new Error(`${url} is a media playlist`)
  return playlist as types.MasterPlaylist
}

/** The streams that ffprobe finds behind a playlist, by kind and codec: `video h264`. */
export async function probeHls(url: string): Promise<readonly string[]> {
  const args = ['-v', 'error', '-show_entries', 'stream=codec_type,codec_name', '-of', 'json', url]
  const { stdout } = await run('ffprobe', args, { timeout: 20_000 })
  const { streams } = JSON.parse(stdout) as { streams: { codec_type: string; codec_name: string }[] }
  return streams.map((stream) => `${stream.codec_type} ${stream.codec_name}`)
}

async function text(url: string): Promise<string> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url} → ${response.status}: ${await response.text()}`)
  return await response.text()
}
