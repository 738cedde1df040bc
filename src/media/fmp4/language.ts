import { languageTag } from '../codecs/language-tag.ts'

// `mdhd` holds ISO 639-2/T (three letters, ISO/IEC 14496-12 8.4.2); the rest of Mirror holds BCP 47, which demands the
// two-letter code wherever one exists (RFC 5646 2.2.1). A fixed table keeps init segments byte-equal across runtimes.
const ISO_639 =
  'aa:aar ab:abk ae:ave af:afr ak:aka am:amh an:arg ar:ara as:asm av:ava ay:aym az:aze ba:bak be:bel bg:bul bi:bis ' +
  'bm:bam bn:ben bo:bod br:bre bs:bos ca:cat ce:che ch:cha co:cos cr:cre cs:ces cu:chu cv:chv cy:cym da:dan de:deu ' +
  'dv:div dz:dzo ee:ewe el:ell en:eng eo:epo es:spa et:est eu:eus fa:fas ff:ful fi:fin fj:fij fo:fao fr:fra fy:fry ' +
  'ga:gle gd:gla gl:glg gn:grn gu:guj gv:glv ha:hau he:heb hi:hin ho:hmo hr:hrv ht:hat hu:hun hy:hye hz:her ia:ina ' +
  'id:ind ie:ile ig:ibo ii:iii ik:ipk io:ido is:isl it:ita iu:iku ja:jpn jv:jav ka:kat kg:kon ki:kik kj:kua kk:kaz ' +
  'kl:kal km:khm kn:kan ko:kor kr:kau ks:kas ku:kur kv:kom kw:cor ky:kir la:lat lb:ltz lg:lug li:lim ln:lin lo:lao ' +
  'lt:lit lu:lub lv:lav mg:mlg mh:mah mi:mri mk:mkd ml:mal mn:mon mr:mar ms:msa mt:mlt my:mya na:nau nb:nob nd:nde ' +
  'ne:nep ng:ndo nl:nld nn:nno no:nor nr:nbl nv:nav ny:nya oc:oci oj:oji om:orm or:ori os:oss pa:pan pi:pli pl:pol ' +
  'ps:pus pt:por qu:que rm:roh rn:run ro:ron ru:rus rw:kin sa:san sc:srd sd:snd se:sme sg:sag si:sin sk:slk sl:slv ' +
  'sm:smo sn:sna so:som sq:sqi sr:srp ss:ssw st:sot su:sun sv:swe sw:swa ta:tam te:tel tg:tgk th:tha ti:tir tk:tuk ' +
  'tl:tgl tn:tsn to:ton tr:tur ts:tso tt:tat tw:twi ty:tah ug:uig uk:ukr ur:urd uz:uzb ve:ven vi:vie vo:vol wa:wln ' +
  'wo:wol xh:xho yi:yid yo:yor za:zha zh:zho zu:zul'

const toThreeLetters = new Map(ISO_639.split(' ').map((pair) => [pair.slice(0, 2), pair.slice(3)]))

const PACKED_UND = 0x55c4

/** BCP 47 tag → the 15 bits of `mdhd`; `und` when the language has no three-letter code. */
export function packLanguage(tag: string): number {
  const primary = (tag.split('-')[0] ?? '').toLowerCase()
  const code = primary.length === 2 ? toThreeLetters.get(primary) : primary
  if (code === undefined || !/^[a-z]{3}$/.test(code)) return PACKED_UND
  return [...code].reduce((packed, letter) => (packed << 5) | (letter.charCodeAt(0) - 0x60), 0)
}

/** The 15 bits of `mdhd` → BCP 47 tag; `und` when they are no letters (QuickTime numbers languages below 0x400). */
export function unpackLanguage(packed: number): string {
  const code = [10, 5, 0].map((shift) => String.fromCharCode(0x60 + ((packed >> shift) & 31))).join('')
  return packed < 0x400 ? 'und' : languageTag(code)
}
