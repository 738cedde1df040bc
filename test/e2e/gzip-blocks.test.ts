// A gzip stream made of cached blocks in real Chromium, which reads only the first of several gzip members.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { assembleGzip, deflateBlock } from '../../src/hls/gzip-blocks.ts'
import { launchChromium } from '../support/chromium.ts'

test('Chromium reads a playlist of a hundred blocks to its last line', async () => {
  await using opened = new AsyncDisposableStack()
  const texts = Array.from({ length: 100 }, (_, index) => `#EXTINF:2.00000,\n${index}.m4s\n`.repeat(64))
  const tail = '#EXT-X-ENDLIST\n'
  const body = assembleGzip(
    texts.map((text) => deflateBlock(Buffer.from(text))),
    Buffer.from(tail),
  )
  const server = createServer((request, response) => {
    const isPlaylist = request.url === '/playlist.m3u8'
    response.writeHead(200, isPlaylist ? { 'Content-Encoding': 'gzip' } : { 'Content-Type': 'text/html' })
    response.end(isPlaylist ? body : '<!doctype html>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  opened.defer(() => server.closeAllConnections())
  opened.defer(() => void server.close())
  const browser = await launchChromium()
  opened.defer(() => browser.close())
  const page = await browser.newPage()
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  const read = await page.evaluate<string>("fetch('/playlist.m3u8').then((response) => response.text())")
  expect(read === texts.join('') + tail).toBe(true)
})
