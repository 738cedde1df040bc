import { expect, test } from 'vitest'
import { parseCodecs } from './decodable-codecs.ts'

test('codecs are told from those that are only known by name, and from the legend', () => {
  const said = [
    'Codecs:',
    ' D..... = Decoding supported',
    ' ....L. = Lossy compression',
    ' -------',
    ' D.VI.S 012v                 Uncompressed 4:2:2 10-bit',
    ' DEV.LS h264                 H.264 / AVC (decoders: h264 h264_qsv ) (encoders: libx264 )',
    ' .EAI.. sonicls              Sonic lossless',
    ' ..A.L. mpegh_3d_audio       MPEG-H 3D Audio',
    ' DEAIL. aac                  AAC (Advanced Audio Coding) (decoders: aac aac_fixed )',
    '',
  ]
  expect([...parseCodecs(said.join('\n'))]).toEqual(['012v', 'h264', 'aac'])
})
